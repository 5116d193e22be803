"""What CONTRIBUTING.md shows to add is run as the file it would stand in, and does what it says."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageClassification

from tests.documents import CONTRIBUTING, ROOT
from tests.helpers import tiny_model
from tests.training_helpers import dense_model
from vpns_hf.data import DATASETS, find_spec
from vpns_hf.methods import MethodOptions, Task
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import ScoringContext, magnitude

BLOCKS = {re.match(r"# (\S+)\n", code)[1]: code for code in CONTRIBUTING.blocks("python")}


@pytest.fixture
def added(monkeypatch):
    """Runs the lines that are shown for a file as if they stood at its end, and returns its names."""
    monkeypatch.setitem(DATASETS, "beans", None)  # so that it is gone afterwards

    def run(path: str) -> dict[str, Any]:
        module = path.removesuffix(".py").replace("/", ".")
        names = dict(vars(import_module(module))) if (ROOT / path).is_file() else {}
        names["__package__"] = module.rpartition(".")[0]
        exec(compile(BLOCKS[path], path, "exec"), names)
        return names

    return run


def test_a_criterion(added):
    deviation, model = added("vpns_hf/pruning/criteria/deviation.py")["deviation"], dense_model()
    scores = deviation(ScoringContext(model)).by_layer
    for name, layer in model.masked_layers().items():
        torch.testing.assert_close(scores[name], layer.weight.detach() - layer.weight.detach().mean())
        assert not scores[name].requires_grad


def test_a_kind_of_unit(added):
    filters, model = added("vpns_hf/pruning/units.py")["Filters"](), dense_model()
    Pruner(filters).apply(model, magnitude(ScoringContext(model)), 0.5)
    masks = model.masks().values()
    total, largest = sum(mask.numel() for mask in masks), max(mask[0].numel() for mask in masks)
    assert 0 <= total // 2 - sum(int((~mask).sum()) for mask in masks) < largest
    for mask in masks:
        cells = mask.flatten(1)
        assert torch.equal(cells.all(-1), cells.any(-1))


def test_a_budget(added):
    stem, model = added("vpns_hf/pruning/budget.py")["DenseStem"](), dense_model()
    Pruner(budget=stem).apply(model, magnitude(ScoringContext(model)), 0.5)
    first, *others = model.masks().values()
    total = sum(mask.numel() for mask in model.masks().values())
    assert first.all()
    assert sum(int((~mask).sum()) for mask in others) == total // 2


def test_a_visual_prompt(added):
    strip = added("vpns_hf/models/visual_prompts.py")["StripPrompt"](8, 8, 2)
    prompted = strip(torch.zeros(1, 3, 8, 8))
    assert prompted[:, :, :2].eq(0.5).all()
    assert prompted[:, :, 2:].eq(0).all()


def test_a_label_mapping(added):
    mapping = added("vpns_hf/label_mapping/reversed.py")["ReversedMapping"](seed=7)
    assert mapping.fit(None, source=list("abcde"), target=list("xyz")).tolist() == [4, 3, 2]
    with pytest.raises(ValueError, match="cannot be mapped"):
        mapping.fit(None, source=list("ab"), target=list("xyz"))


def test_a_method(added):
    one_shot_stages = added("vpns_hf/methods/one_shot.py")["one_shot_stages"]
    stages = one_shot_stages(MethodOptions(equal_passes="20"), Task(0.7, images=100, classes=3))
    assert [stage.name for stage in stages] == ["label_mapping", "prune", "measure", "finetune"]
    assert (stages[1].sparsities, stages[3].epochs) == ([0.7], 10)


def test_a_backbone(added):
    config = added("vpns_hf/backbones/registry.py")["convnext_small"](num_labels=4)
    model = AutoModelForImageClassification.from_config(config).eval()
    assert model(torch.zeros(1, 3, 32, 32)).logits.shape == (1, 4)


def test_a_data_set(added):
    added("vpns_hf/data/catalog.py")
    assert find_spec("AI-Lab-Makerere/beans") is find_spec("beans")
    assert find_spec("beans").num_classes == 3


def test_a_metric(added):
    metric = added("vpns_hf/metrics/top_k_accuracy.py")["Top3Accuracy"]()
    assert metric.compute(predictions=[[1, 2, 0, 3], [1, 2, 0, 3]], references=[0, 3]) == {"top3_accuracy": 0.5}


def test_a_command(added, monkeypatch, capsys, tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    monkeypatch.setattr(sys, "argv", ["vpns sparsity", str(tmp_path)])
    added("vpns_hf/cli/sparsity.py")["main"]()
    assert capsys.readouterr().out.endswith(f"{model.sparsity:.2%}\n")


def test_every_kind_that_can_be_added_is_tried_above():
    kinds = re.findall(r"^## Add (a .*)$", CONTRIBUTING.text, re.M)
    assert len(kinds) == len(BLOCKS)
    assert all(f"test_{kind.replace(' ', '_')}" in globals() for kind in kinds)
