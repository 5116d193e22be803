from __future__ import annotations

import torch
from torch import nn
from transformers import AutoModelForImageClassification, ResNetConfig

from tests.families import FAMILIES
from tests.helpers import HandNet, prune_at_random, tiny_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.metrics import Macs, count_macs
from vpns_hf.models.masked_layers import mask_layers


def test_counted_by_hand():
    """3 -> 4 channels, 3 x 3, on 8 x 8 places, and a linear layer 4 -> 6."""
    assert count_macs(HandNet(), torch.zeros(1, 3, 8, 8)) == Macs(dense=64 * 108 + 24, nonzero=64 * 108 + 24)


def test_masks_are_counted():
    net = HandNet()
    mask_layers(net)
    net.conv.weight_mask.view(-1)[:100] = False
    net.linear.weight_mask.view(-1)[:20] = False
    assert count_macs(net, torch.zeros(1, 3, 8, 8)) == Macs(dense=64 * 108 + 24, nonzero=64 * 8 + 4)


def test_resnet18_as_published():
    """1.81 billion at 224 pixels: He et al., arXiv 1512.03385, table 1, give 1.8 x 10^9."""
    with torch.device("meta"):
        config = ResNetConfig(
            layer_type="basic", hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], num_labels=1000
        )
        model = AutoModelForImageClassification.from_config(config).eval()
        assert count_macs(model, torch.zeros(1, 3, 224, 224)).dense == 1_814_073_344


class Windows(nn.Module):
    """Makes four pictures of 4 x 4 pixels of one, as attention in windows does, and reads each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(3, 5)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.read(pixels.unfold(2, 4, 4).unfold(3, 4, 4).reshape(3, 4, 16).permute(1, 2, 0))


def test_windows_that_are_folded_into_the_batch_are_places_of_one_picture():
    assert count_macs(Windows(), torch.zeros(1, 3, 8, 8)).dense == 64 * 15


def test_tokens_are_places():
    """ViT, 32 pixels in patches of 8: 16 patches and the class token go through every linear layer but the last."""
    model = AutoModelForImageClassification.from_config(FAMILIES["vit"]).eval()
    per_layer = 17 * (4 * 16 * 16 + 2 * 16 * 24)
    assert count_macs(model, torch.zeros(1, 3, 32, 32)).dense == 16 * 3 * 64 * 16 + 2 * per_layer + 16 * 5


def test_no_hook_stays_behind():
    model: VPNsForImageClassification = prune_at_random(tiny_model())
    count_macs(model, torch.zeros(1, 3, 16, 16))
    assert not any(module._forward_hooks for module in model.modules())  # noqa: SLF001
