"""The weight scaled to a range that is comparable between layers: the scores VPNs starts from."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...models.masked_layers import MaskedLayer
from .base import Scores, ScoringContext


def scaled_weight(context: ScoringContext) -> Scores:
    """Returns sqrt(6 / fan_in) * w / max|w|, signed, float32, ranked by magnitude.

    A layer whose weights are all 0 gets scores of 0. Source: Sehwag et al., HYDRA, arXiv 2002.10509, section 3.
    """
    return Scores({name: _scaled(layer) for name, layer in context.model.masked_layers().items()})


def _scaled(layer: MaskedLayer) -> Tensor:
    weight = layer.weight.detach().to(torch.float32, copy=True)
    largest = weight.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    return weight.mul_(math.sqrt(6 / layer.fan_in) / largest)
