"""Jobs that remove channels: what is saved is thinner, and everything else works as for any other model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageClassification

from tests.faults.interrupted import crashed_job, job, weights
from tests.helpers import pictures
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.errors import InputError
from vpns_hf.export import export_model
from vpns_hf.pruning import channel_groups

EXACT = {"granularity": "channel", "round_channels_to": 1, "score_learning_rate": 0.1}
CHANNELS = 8 + 8 + 12 + 12
DENSE = 4644  # weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A finished job."""
    folder = tmp_path_factory.mktemp("job")
    trainer = tiny_trainer(folder, **EXACT)
    trainer.train()
    measured = trainer.evaluate()[0.5]
    run = json.loads((folder / "out" / "results.json").read_text())["runs"][0]
    assert measured["accuracy"] == run["accuracy"]
    return folder / "out" / "sparsity-50"


@pytest.fixture(scope="module")
def run(folder) -> dict:
    return json.loads((folder.parent / "results.json").read_text())["runs"][0]


@pytest.mark.slow
def test_the_saved_model_is_thinner(folder):
    model = AutoModelForImageClassification.from_pretrained(folder)
    assert model.config.granularity == "channel"
    assert all(mask.all() for mask in model.masks().values())
    assert {group.size for group in channel_groups(model)} == {4, 6}
    kept = sum(mask.numel() for mask in model.masks().values())
    assert model.sparsity == model.config.sparsity == (DENSE - kept) / DENSE
    x = pictures()
    dense = model.to_dense()
    torch.testing.assert_close(dense(model.normalise(x)).logits, model(x, prompted=False).logits)


@pytest.mark.slow
def test_results_say_what_is_gone_of_channels_weights_and_multiplications(folder, run):
    model = VPNsForImageClassification.from_pretrained(folder)
    assert (run["granularity"], run["scope"], run["sparsity_requested"]) == ("channel", "layer", 0.5)
    assert run["channels"] == {"kept": CHANNELS // 2, "total": CHANNELS}
    assert run["sparsity"] == model.sparsity
    assert (run["nonzero"], run["total"]) == (sum(mask.numel() for mask in model.masks().values()), DENSE)
    assert 0.2 < run["cost"]["macs_nonzero"] / run["cost"]["macs"] < 0.5
    assert sum(layer["total"] for layer in run["layers"]) == DENSE


@pytest.mark.slow
def test_the_card_tells_of_them(folder):
    card = (folder / "README.md").read_text()
    assert f"| Channels kept, of those that could go | {CHANNELS} | {CHANNELS // 2} (50.00%) |" in card
    assert "\n- The removed channels are gone: the layers are thinner" in card
    assert "of the prunable weights are gone" in card
    assert "Unstructured sparsity" not in card


@pytest.mark.slow
def test_a_job_that_crashes_goes_on_to_the_same_weights(tmp_path):
    """In the search, of 6 updates."""
    job(tmp_path / "whole", **EXACT).train()
    crashed_job(tmp_path / "crashed", 4, **EXACT)
    job(tmp_path / "crashed", **EXACT).train()
    assert weights(tmp_path / "crashed") == weights(tmp_path / "whole")


@pytest.mark.slow
def test_what_a_thinner_model_is_no_use_for_is_said(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"^channels were removed from \S+, whose layers are thinner than any [^\n]*$"
    ):
        export_model(folder, "transformers", tmp_path / "exported")
    with pytest.raises(InputError, match=r"^init_mask is \S+, from which channels were removed: [^\n]*$"):
        tiny_trainer(tmp_path, init_mask=str(folder), init_weights="dense", sparsities=[0.9])
    with pytest.raises(InputError, match=r"pruned model already"):
        tiny_trainer(tmp_path, model=str(folder))


@pytest.mark.slow
def test_a_dense_run_has_no_use_for_channels(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    trainer = tiny_trainer(tmp_path, method="dense", **{**EXACT, "sparsities": [0], "image_size": 12})
    assert "channels in" not in str(trainer.plan())
    [run] = trainer.train()["runs"]
    assert (run["sparsity"], run["channels"]) == (0.0, None)


def test_the_plan_says_what_was_asked_for_and_what_goes(tmp_path):
    """6 of 8 stay, and 9 of 12: 882 + 2 * 324 + 54 + 486 + 729 + 45 of 4644 weights."""
    plan = tiny_trainer(tmp_path, **{**EXACT, "sparsities": [0.3]}).plan()
    assert (
        f"\nAt 30% sparsity 10 of {CHANNELS} channels in 4 groups go (asked: 30% of the channels, 12): 38.76% of the weights, "
        in str(plan)
    )
    together = tiny_trainer(tmp_path, **EXACT, scope="global", budget="macs").plan()
    assert "\nAt 50% sparsity about " in str(together)
    assert " (asked: 50% of the macs): " in str(together)


def test_the_expected_size_is_that_of_the_thinner_model(tmp_path):
    trainer = tiny_trainer(tmp_path, **EXACT)
    assert trainer.plan().bytes_on_disk(0.5) < 0.5 * trainer.plan().bytes_on_disk(0.0)


def test_channels_that_stay_are_named_in_the_plan(tmp_path):
    from tests.families import FAMILIES

    model = AutoModelForImageClassification.from_config(FAMILIES["convnext"])
    plan = str(tiny_trainer(tmp_path, model=model, **{**EXACT, "image_size": 32}).plan())
    assert "\nChannels that stay, all of them: convnext.embeddings.patch_embeddings (" in plan


def test_what_cannot_be_reached_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(
        InputError, match=r"^sparsity 0.95 of the channels cannot be reached: [^\n]*; give at most 0.9$"
    ):
        tiny_trainer(tmp_path, **{**EXACT, "sparsities": [0.95]})
