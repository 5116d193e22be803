from __future__ import annotations

import pytest
from torch import nn

from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, assert_same_logits, filled, translated
from vpns_hf.backbones.layouts import LAYOUTS

LAYOUT = LAYOUTS["torchvision"]["resnet"]
TINY = {"basic": (BasicBlock, [2, 1, 1]), "bottleneck": (Bottleneck, [1, 2, 1])}


def tiny(kind: str) -> nn.Module:
    block, depths = TINY[kind]
    return filled(ResNet, block, depths, classes=5, width=8)


@pytest.mark.parametrize("size", [32, 45])
@pytest.mark.parametrize("kind", TINY)
def test_the_logits_are_those_of_the_other_library(kind, size):
    """With an odd side, a stride in the wrong convolution or a missing padding would show."""
    network = tiny(kind)
    assert_same_logits(network, translated(network), size)


@pytest.mark.parametrize(
    ("block", "depths", "parameters"),
    [(BasicBlock, [2, 2, 2, 2], 11_689_512), (Bottleneck, [3, 4, 6, 3], 25_557_032)],
    ids=["resnet18", "resnet50"],
)
def test_the_logits_at_full_size(block, depths, parameters):
    """The numbers of parameters are those torchvision publishes."""
    network = filled(ResNet, block, depths)
    model = translated(network)
    assert model.num_parameters() == parameters
    assert_same_logits(network, model, size=64)


@pytest.mark.parametrize("kind", TINY)
def test_the_configuration_follows_from_the_shapes(kind):
    config = translated(tiny(kind)).config
    factor = 4 if kind == "bottleneck" else 1
    assert (config.layer_type, config.depths) == (kind, TINY[kind][1])
    assert (config.num_channels, config.embedding_size, config.num_labels) == (3, 8, 5)
    assert config.hidden_sizes == [8 * factor, 16 * factor, 32 * factor]
    assert not config.downsample_in_bottleneck


@pytest.mark.parametrize("lost", ["conv1. bn1.", "layer1.", "fc."])
def test_other_networks_are_not_mistaken_for_it(lost):
    shapes = {name: tensor.shape for name, tensor in tiny("basic").state_dict().items()}
    assert LAYOUT.config({name: shapes[name] for name in shapes if not name.startswith(tuple(lost.split()))}) is None
