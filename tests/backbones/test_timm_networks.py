from __future__ import annotations

import pytest
from transformers import ResNetConfig

from tests.families import FAMILIES
from tests.helpers import tiny_resnet
from vpns_hf.backbones import timm_name
from vpns_hf.models.configuration_vgg import VggConfig

# Block, blocks per stage: table 1 of "Deep Residual Learning for Image Recognition".
RESNETS = {
    "resnet18": ("basic", [2, 2, 2, 2]),
    "resnet34": ("basic", [3, 4, 6, 3]),
    "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]),
    "resnet152": ("bottleneck", [3, 8, 36, 3]),
}


@pytest.mark.parametrize("name", RESNETS)
def test_timm_calls_a_network_by_its_depth(name):
    kind, depths = RESNETS[name]
    widths = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    config = ResNetConfig(layer_type=kind, depths=depths, hidden_sizes=widths, num_labels=3, id2label={0: "a"})
    assert timm_name(config) == name


def test_timm_calls_a_vgg_by_its_layers_with_weights():
    """Columns A, B, D and E of table 1 of arXiv 1409.1556: convolutions, and three linear layers."""
    for depths in ([1, 1, 2, 2, 2], [2, 2, 2, 2, 2], [2, 2, 3, 3, 3], [2, 2, 4, 4, 4]):
        assert timm_name(VggConfig(depths=depths)) == f"vgg{sum(depths) + 3}"
        assert timm_name(VggConfig(depths=depths, batch_norm=True)) == f"vgg{sum(depths) + 3}_bn"


def test_timm_has_no_name_for_other_networks():
    assert timm_name(tiny_resnet().config) is None
    assert timm_name(ResNetConfig(hidden_act="gelu")) is None
    assert timm_name(FAMILIES["vit"]) is None
