"""Networks of timm where it is installed, by way of transformers' wrapper: loaded, pruned, saved, loaded again, folded."""

from __future__ import annotations

import re
import sys

import pytest
import torch

from tests.helpers import pictures, prune_at_random, refusal
from tests.timm_stand_in import NAMES, PRETRAINED, install, timm_classifier, timm_repository
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import HEADS, load_backbone
from vpns_hf.export import export_model
from vpns_hf.jobs.output import save_model
from vpns_hf.models import class_names

NORMALISATION = {"image_mean": PRETRAINED["mean"], "image_std": PRETRAINED["std"]}
SIZES = {"image_size": 16, "prompt_size": 2}


@pytest.fixture
def installed(monkeypatch) -> None:
    install(monkeypatch)


@pytest.fixture(params=["small", "small_distilled"])
def backbone(request, installed):
    return timm_classifier(request.param)


@pytest.mark.parametrize("as_timm_does", [True, False])
def test_a_folder_is_loaded_with_names_and_normalisation(backbone, as_timm_does, tmp_path):
    if as_timm_does:
        timm_repository(tmp_path, backbone)
    else:
        backbone.save_pretrained(tmp_path)
    loaded = load_backbone(tmp_path)
    assert torch.equal(loaded.model(pictures()).logits, backbone(pictures()).logits)
    assert class_names(loaded.model.config) == NAMES
    assert (loaded.normalisation, loaded.image_size) == (NORMALISATION, 16)
    assert load_backbone(backbone).normalisation == NORMALISATION
    assert VPNsForImageClassification.from_backbone(tmp_path, **SIZES).config.image_std == PRETRAINED["std"]


def test_it_comes_back_identical(backbone, tmp_path):
    model = prune_at_random(VPNsForImageClassification.from_backbone(backbone, {0: "x", 1: "y", 2: "z"}, **SIZES))
    x, heads = pictures(), ["timm_model.head", "timm_model.head_dist"]
    assert model.head_names() == (heads if "distilled" in backbone.config.architecture else heads[:1])
    model.save_pretrained(tmp_path)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert torch.equal(loaded(x).logits, model(x).logits)
    assert class_names(loaded.backbone.config) == NAMES


@pytest.mark.parametrize("layout", ["timm", "transformers"])
def test_it_is_folded_and_exported_with_what_it_takes_now(backbone, layout, tmp_path):
    given = {"image_mean": [0.1] * 3, "image_std": [0.5] * 3}
    model = prune_at_random(VPNsForImageClassification.from_backbone(backbone, {0: "x", 1: "y"}, **SIZES, **given))
    save_model(model, tmp_path / "pruned")
    export_model(tmp_path / "pruned", layout, tmp_path / "out")
    dense = load_backbone(tmp_path / "out")
    assert (dense.normalisation, dense.image_size, class_names(dense.model.config)) == (given, 16, ["x", "y"])
    x = pictures()
    torch.testing.assert_close(dense.model(model.normalise(x)).logits, model(x, prompted=False).logits)
    recorded = dense.model.config.pretrained_cfg
    assert recorded["first_conv"] == "conv_stem"
    assert recorded["classifier"] == (["head", "head_dist"] if "distilled" in backbone.config.architecture else "head")


def test_layers_are_masked_where_their_forward_uses_the_mask(backbone):
    model = VPNsForImageClassification.from_backbone(backbone, **SIZES)
    left_out = {name: reason for name, reason in model.skipped_layers().items() if "cannot" in reason}
    assert set(left_out) == {"timm_model.conv_dw", "timm_model.qkv"}
    assert "changes its weight" in left_out["timm_model.conv_dw"]
    assert "past its forward" in left_out["timm_model.qkv"]
    before = model(pictures()).logits
    for layer in model.masked_layers().values():
        layer.weight_mask.fill_(False)
    assert not torch.equal(model(pictures()).logits, before)


def test_a_new_head_renews_both(backbone, tmp_path):
    backbone.save_pretrained(tmp_path)
    assert load_backbone(tmp_path, 3, head=HEADS["new"]).model.eval()(pictures()).logits.shape == (2, 3)


@pytest.mark.slow
def test_the_whole_job(installed, tmp_path):
    folder = timm_repository(tmp_path / "dense", timm_classifier())
    trainer = tiny_trainer(tmp_path, str(folder), dense_reference=True)
    [run] = trainer.train()["runs"]
    assert run["sparsity"] == pytest.approx(0.5, abs=0.01)
    model = trainer.models[0.5]
    assert model.config.image_mean == PRETRAINED["mean"]
    assert (trainer.models.folder(0.5) / "README.md").is_file()
    assert model.to_dense()(pictures()).logits.shape == (2, 3)


def test_without_timm_one_line_says_what_is_needed(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        timm_repository(tmp_path / "dense", timm_classifier())
        VPNsForImageClassification.from_backbone(timm_classifier(), **SIZES).save_pretrained(tmp_path / "pruned")
    monkeypatch.setitem(sys.modules, "timm", None)  # as if it were not installed
    for load in (load_backbone, VPNsForImageClassification.from_pretrained):
        folder = tmp_path / ("dense" if load is load_backbone else "pruned")
        said = refusal(load, folder, error=ValueError)
        assert re.search(r"small.* of timm.*pip install 'vpns_hf\[timm\]'", said)
