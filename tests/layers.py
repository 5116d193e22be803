"""Plain layers of many kinds, and masked copies of them."""

from __future__ import annotations

import copy

import torch
from torch import nn

from vpns_hf.models import MaskedLayer
from vpns_hf.models.masked_layers import mask_layers

PLAIN_LAYERS = {
    "plain": lambda: nn.Conv2d(4, 6, 3),
    "no bias": lambda: nn.Conv2d(4, 6, 3, bias=False),
    "stride": lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "padding by name": lambda: nn.Conv2d(4, 6, 3, padding="same"),
    "circular": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"),
    "reflect": lambda: nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="reflect", bias=False),
    "dilation": lambda: nn.Conv2d(4, 6, 3, padding=2, dilation=2),
    "groups": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "depthwise": lambda: nn.Conv2d(4, 4, (3, 1), groups=4, bias=False),
    "linear": lambda: nn.Linear(8, 5),
    "linear, no bias": lambda: nn.Linear(8, 5, bias=False),
}


def plain_layer(name: str) -> nn.Module:
    torch.manual_seed(0)
    return PLAIN_LAYERS[name]()


def inputs_of(layer: nn.Module) -> torch.Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def masked_copy(plain: nn.Module) -> MaskedLayer:
    layer = copy.deepcopy(plain)
    mask_layers(holder := nn.Sequential(layer))
    generator = torch.Generator().manual_seed(2)
    holder[0].weight_mask.copy_(torch.rand(layer.weight.shape, generator=generator) > 0.5)
    return holder[0]


def run_plain(plain: nn.Module, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(plain, {"weight": weight}, (x,))


class Doubled(nn.Linear):
    def forward(self, x: torch.Tensor, twice: bool = True) -> torch.Tensor:
        return super().forward(x) * (1 + twice)
