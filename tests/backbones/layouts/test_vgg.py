from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.backbones.layouts.networks import (
    VGG_STAGES,
    TimmVgg,
    TorchvisionVgg,
    assert_same_logits,
    filled,
    translated,
)
from tests.helpers import pictures, refusal, same, tiny_vgg
from vpns_hf.backbones import from_tensors
from vpns_hf.backbones.layouts import LAYOUTS
from vpns_hf.errors import InputError

NETWORKS = {"torchvision": TorchvisionVgg, "timm": TimmVgg}
LIBRARIES = pytest.mark.parametrize("library", NETWORKS)
BATCH_NORM = pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
DEPTHS = pytest.mark.parametrize("depth", VGG_STAGES)


def tiny(library: str, depth: int = 16, batch_norm: bool = False) -> nn.Module:
    return filled(NETWORKS[library], depth, batch_norm, classes=5, shrink=16, width=24)


@DEPTHS
@BATCH_NORM
@LIBRARIES
def test_configuration_and_logits_are_those_of_the_other_library(library, depth, batch_norm):
    network = tiny(library, depth, batch_norm)
    model = translated(network)
    config = model.config
    assert (config.depths, config.batch_norm) == ([len(stage) for stage in VGG_STAGES[depth]], batch_norm)
    assert (config.num_channels, config.hidden_sizes) == (3, [4, 8, 16, 32, 32])
    assert (config.pooled_size, config.classifier_size, config.num_labels) == (7, 24, 5)
    for size in (32, 75):  # 1x1 and 2x2 pixels before the mean
        assert_same_logits(network, model, size)


def test_the_logits_of_pictures_of_any_size():
    """A feature map of 7x7 is classified as it is, a larger one by torchvision after its mean."""
    for library, sizes in {"timm": [224, 255], "torchvision": [224, 255, 300]}.items():
        network = tiny(library, depth=11)
        for size in sizes:
            assert_same_logits(network, translated(network), size)


@pytest.mark.slow
def test_vgg16_at_full_size():
    network = filled(TorchvisionVgg, 16, False)
    model = from_tensors(network.state_dict()).model
    assert model.num_parameters() == 138_357_544
    assert_same_logits(network, model, size=64)
    timm = LAYOUTS["timm"]["vgg"].to_theirs(model)
    assert timm["pre_logits.fc1.weight"].shape == (4096, 512, 7, 7)
    assert torch.equal(timm["pre_logits.fc1.weight"].flatten(), network.classifier[0].weight.flatten())


def test_from_one_library_to_the_other():
    network = tiny("torchvision", 19, True)
    timm = LAYOUTS["timm"]["vgg"].to_theirs(translated(network))
    other = tiny("timm", 19, True)
    other.load_state_dict(timm, strict=True)
    with torch.no_grad():
        assert torch.allclose(other(pictures(size=32)), network(pictures(size=32)), rtol=0, atol=1e-5)
    again = LAYOUTS["torchvision"]["vgg"].to_theirs(translated(other))
    assert same(network.state_dict(), again)


@pytest.mark.slow
@BATCH_NORM
@LIBRARIES
def test_no_tensor_or_layer_goes_missing_unnoticed(library, batch_norm):
    """Not even whole layers at the end, without which it would be a smaller network."""
    tensors = tiny(library, 16, batch_norm).state_dict()
    layers = {name.rpartition(".")[0] for name in tensors if name.startswith("features.")}
    single = [
        name for name in tensors if "num_batches_tracked" not in name and not name.startswith(("classifier.6", "head"))
    ]
    for lost in (*single, *layers):
        rest = {name: tensor for name, tensor in tensors.items() if name != lost and name.rpartition(".")[0] != lost}
        assert f"missing {lost}" in refusal(from_tensors, rest)


@LIBRARIES
def test_a_classifier_may_be_absent(library):
    network = tiny(library)
    head = f"{LAYOUTS[library]['vgg'].head}."
    below = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(head)}
    backbone = from_tensors(below)
    assert f"{head}weight" in backbone.lost_head
    expected = translated(network).vgg(pictures(size=32)).pooler_output
    assert torch.equal(backbone.model.vgg(pictures(size=32)).pooler_output, expected)


@pytest.mark.parametrize(
    "shapes",
    [
        {"features.0.weight": (64, 3, 11, 11), "classifier.1.weight": (8, 8), "classifier.6.weight": (5, 8)},
        {"features.0.weight": (64, 3, 3, 3), "classifier.1.weight": (5, 8, 1, 1)},
        {"features.0.weight": (64, 3, 3, 3), "classifier.weight": (5, 8)},
    ],
    ids=["AlexNet", "SqueezeNet", "one linear layer"],
)
def test_other_networks_with_features_are_not_mistaken_for_it(shapes):
    named = {name: torch.Size(shape) for name, shape in shapes.items()}
    assert [layout["vgg"].config(named) for layout in LAYOUTS.values()] == [None, None]


def test_another_depth_is_no_variant():
    """Its tensors can be written, but reading them finds that they are no VGG of these libraries."""
    tensors = LAYOUTS["torchvision"]["vgg"].to_theirs(tiny_vgg())
    with pytest.raises(InputError, match=r"missing features\."):
        from_tensors(tensors)
