"""How the score of a unit of several weights follows from theirs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class Pooling(ABC):
    """What a criterion says of units larger than a weight."""

    @abstractmethod
    def of_blocks(self, weights: Tensor, sides: tuple[int, ...]) -> Tensor:
        """Returns one score for each block of a layer, with 1 for the sides that blocks extend over."""

    @abstractmethod
    def of_channels(self, layers: Sequence[Tensor]) -> Tensor:
        """Returns one score for each unit, (units,), from those of its weights in each layer, (units, weights)."""


class Mean(Pooling):
    """The mean of a block, so that blocks of all sizes can be ranked together.

    Of channels the mean over their layers of the sum of those of its weights, which are put in relation to the mean of such
    sums in the layer: by sums alone, a residual stream that many layers write to would never go.
    """

    def of_blocks(self, weights: Tensor, sides: tuple[int, ...]) -> Tensor:
        return weights.mean(dim=sides, keepdim=True)

    def of_channels(self, layers: Sequence[Tensor]) -> Tensor:
        return torch.stack([_relative_sums(layer) for layer in layers]).mean(0)


class First(Pooling):
    """That of its first weight: of scores that are drawn the mean of many is always nearly the same."""

    def of_blocks(self, weights: Tensor, sides: tuple[int, ...]) -> Tensor:
        for side in sides:
            weights = weights.narrow(side, 0, 1)
        return weights

    def of_channels(self, layers: Sequence[Tensor]) -> Tensor:
        return layers[0][:, 0]


class Largest(Pooling):
    """That of its highest weight: a unit is reached as soon as one of its weights is."""

    def of_blocks(self, weights: Tensor, sides: tuple[int, ...]) -> Tensor:
        return weights.amax(dim=sides, keepdim=True)

    def of_channels(self, layers: Sequence[Tensor]) -> Tensor:
        return torch.stack([layer.amax(1) for layer in layers]).amax(0)


def _relative_sums(weights: Tensor) -> Tensor:
    """Returns the sum of the scores of each unit over the mean of the magnitudes of these sums."""
    sums = weights.masked_fill(weights == -math.inf, 0.0).sum(1)  # what goes before all else counts nothing
    return sums / sums.abs().mean().clamp_min(torch.finfo(sums.dtype).tiny)
