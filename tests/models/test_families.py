"""Any image classifier of transformers made of convolutions and linear layers is a backbone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import CLASSES, pictures, prune_at_random, randomised
from vpns_hf import VPNsForImageClassification

# Layers of a class of their own, and parameters that are neither a vector nor a layer's weight.
OTHERS = {
    "convnextv2": "ConvNextV2GRN",
    "vit": "ViTEmbeddings",
    "deit": "DeiTEmbeddings",
    "dinov2": "Dinov2Embeddings",
    "swin": "SwinRelativePositionBias",
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def backbone(family):
    return randomised(AutoModelForImageClassification.from_config, FAMILIES[family])


@pytest.fixture(scope="module")
def model(backbone) -> VPNsForImageClassification:
    built = VPNsForImageClassification.from_backbone(backbone, id2label=CLASSES, image_size=32, prompt_size=3)
    return prune_at_random(built)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return pictures(size=32)


def test_every_plain_layer_has_a_mask(backbone, model):
    plain = {name for name, layer in backbone.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))}
    assert set(model.masks()) == plain
    assert 0.5 < model.sparsity < 0.7


def test_what_has_no_mask_is_listed_with_the_reason(family, backbone, model):
    skipped = model.skipped_layers()
    owners = {name for name, layer in backbone.named_modules() if any(True for _ in layer.parameters(recurse=False))}
    assert set(skipped) == owners - set(model.masks())
    odd = {reason.partition(":")[0] for reason in skipped.values() if "cannot be masked" in reason}
    assert odd == ({OTHERS[family]} if family in OTHERS else set())
    assert all("never pruned" in reason for reason in skipped.values() if "cannot be masked" not in reason)


def test_it_comes_back_identical(model, x, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    for prompted in (True, False):
        assert torch.equal(loaded(x, prompted=prompted).logits, model(x, prompted=prompted).logits)
    assert loaded.skipped_layers() == model.skipped_layers()


def test_it_folds_into_the_stock_class(backbone, model, x):
    dense = model.to_dense()
    assert type(dense) is type(backbone)
    assert dense.config.num_labels == 3
    logits = dense(model.normalise(x)).logits
    assert torch.allclose(logits, model(x, prompted=False).logits, atol=1e-5)
    assert torch.allclose(model.to_backbone()(model.normalise(x)).logits[:, model.label_mapping], logits, atol=1e-5)


def test_every_mask_is_used(backbone, model, x):
    """Without masks it is the backbone; with them it is not."""
    full = VPNsForImageClassification.from_backbone(backbone, image_size=32, prompt_size=3)
    assert torch.allclose(full(x).logits, backbone(full.normalise(x)).logits, atol=1e-5)
    assert not torch.equal(model.source_logits(x, prompted=False), full.source_logits(x, prompted=False))


def test_gradients_reach_every_weight_and_the_prompt(model, x):
    model.zero_grad()
    model(x, labels=torch.tensor([0, 1]), prompted=True).loss.backward()
    for name, layer in model.masked_layers().items():
        assert layer.weight.grad is not None, name
        assert (layer.weight.grad[~layer.weight_mask] == 0).all(), name
    assert model.visual_prompt.prompt.grad.isfinite().all()
