"""The same with timm itself, which `make test-timm` brings: networks of many kinds, as small as there are."""

from __future__ import annotations

import pytest
import torch
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification

from tests.helpers import pictures, prune_at_random
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import load_backbone

timm = pytest.importorskip("timm")

# What is left dense beside scales, shifts and tokens, by the word that its reason holds.
NETWORKS = {
    "test_resnet": None,
    "test_efficientnet": None,
    "test_convnext": None,
    "test_byobnet": None,
    "test_vit": None,
    "test_nfnet": "changes its weight",
    "mobilenetv3_small_050": None,
    "tf_mobilenetv3_small_minimal_100": None,
    "deit_tiny_distilled_patch16_224": None,
    "eva02_tiny_patch14_224": "past its forward",
    "levit_128s": None,
    "crossvit_tiny_240": None,
}


@pytest.fixture(scope="module", params=NETWORKS)
def backbone(request) -> TimmWrapperForImageClassification:
    torch.manual_seed(0)
    known = timm.get_pretrained_cfg(request.param)
    recorded = {"mean": known.mean, "std": known.std, "input_size": known.input_size}
    return TimmWrapperForImageClassification(
        TimmWrapperConfig(architecture=request.param, num_labels=6, pretrained_cfg=recorded)
    ).eval()


@torch.no_grad()
def test_it_comes_back_identical_and_folds(backbone, tmp_path):
    side = backbone.config.pretrained_cfg["input_size"][-1]
    names, x = {0: "x", 1: "y", 2: "z"}, pictures(size=side)
    model = prune_at_random(
        VPNsForImageClassification.from_backbone(backbone, names, image_size=side, prompt_size=2)
    ).eval()
    expected = model(x, prompted=False).logits
    model.save_pretrained(tmp_path / "pruned")
    loaded = VPNsForImageClassification.from_pretrained(tmp_path / "pruned")
    torch.testing.assert_close(loaded(x, prompted=False).logits, expected)
    model.to_dense().save_pretrained(tmp_path / "dense")
    dense = load_backbone(tmp_path / "dense")
    assert dense.normalisation["image_std"] == list(backbone.config.pretrained_cfg["std"])
    torch.testing.assert_close(dense.model(model.normalise(x)).logits, expected)
    assert dense.model.config.id2label == names


def test_what_cannot_be_masked_is_listed(backbone):
    side = backbone.config.pretrained_cfg["input_size"][-1]
    model = VPNsForImageClassification.from_backbone(backbone, image_size=side, prompt_size=2)
    reasons = {reason for reason in model.skipped_layers().values() if "cannot" in reason}
    layers = [reason for reason in reasons if "only Conv2d and Linear" not in reason]
    word = NETWORKS[backbone.config.architecture]
    assert (word is None) == (not layers)
    assert all(word in reason for reason in layers)


def test_the_whole_job(tmp_path):
    torch.manual_seed(0)
    backbone = TimmWrapperForImageClassification(TimmWrapperConfig(architecture="mobilenetv3_small_050", num_labels=5))
    backbone.save_pretrained(tmp_path / "dense")
    trainer = tiny_trainer(tmp_path, str(tmp_path / "dense"), image_size=32)
    [run] = trainer.train()["runs"]
    assert run["sparsity"] == pytest.approx(0.5, abs=0.01)
    assert (trainer.models.folder(0.5) / "README.md").is_file()
    assert trainer.models[0.5].to_dense().config.num_labels == 3
