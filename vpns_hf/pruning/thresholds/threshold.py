"""The exact threshold that drops a given number of scores, and the masks it stands for.

The threshold is the k-th smallest |S| over all layers together: the largest magnitude that is dropped. Entries of equal
magnitude are dropped in the order of their position in the concatenated layers, so exactly k go whatever the ties.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from ...errors import InputError
from ...models.masked_layers import apply_mask

NAN_SCORES = "scores contain NaN, which has no rank; lower the learning rate or look for the NaN in the loss"


@dataclass(frozen=True)
class Threshold(ABC):
    """Where the dropped scores end: magnitudes below `value` go, above it stay, ties are split by position.

    Attributes:
        value: 0-dim, float32 (float64 for float64 scores), the largest dropped |S|; 0 when nothing is dropped.
    """

    value: Tensor

    def __float__(self) -> float:
        """Returns the value as a number; waits for the device.

        Raises:
            InputError: a score was NaN.
        """
        value = self.value.item()
        if math.isnan(value):
            raise InputError(NAN_SCORES)
        return value

    @abstractmethod
    def write_masks(self, scores: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        """Fills the bool masks, shaped like the scores that were selected from, in place: True where a score stays."""

    def update(self, scores: Sequence[Tensor], layers: MaskedWeights) -> None:
        """Brings masks and masked weights up to date, in place."""
        self.write_masks(scores, layers.masks)
        write_masked_weights(layers.weights, layers.masks, layers.masked)


class ThresholdSelector(ABC):
    """Finds the threshold that drops exactly `dropped` scores; it depends on the present scores alone."""

    def __init__(self, dropped: int) -> None:
        self.dropped = dropped

    def select(self, scores: Sequence[Tensor]) -> Threshold:
        """Returns the threshold of scores of any shapes on one device, ranked in float32 (float64 if some are).

        Raises:
            InputError: more are to be dropped than there are, or a score is NaN (see the subclass).
        """
        dtype = reduce(torch.promote_types, (score.dtype for score in scores), torch.float32)
        layers = [score.detach().reshape(-1).to(dtype) for score in scores]
        total = sum(layer.numel() for layer in layers)
        if not 0 <= self.dropped <= total:
            raise InputError(f"cannot drop {self.dropped} of {total} scores; choose a number from 0 to {total}")
        return self._find(layers, total)

    def renew(self, scores: Sequence[Tensor], layers: MaskedWeights) -> Threshold:
        """Selects the threshold and brings masks and masked weights up to date, in place.

        Raises:
            InputError: as `select`; nothing is written then.
        """
        threshold = self.select(scores)
        threshold.update(scores, layers)
        return threshold

    @abstractmethod
    def _find(self, layers: list[Tensor], total: int) -> Threshold:
        """Returns the threshold of the flat layers."""


@torch.no_grad()
def write_masks(scores: Sequence[Tensor], threshold: Threshold, masks: Sequence[Tensor]) -> None:
    """Fills the bool masks, shaped like the scores that were selected from, in place: True where a score stays."""
    threshold.write_masks(scores, masks)


@torch.no_grad()
def write_masked_weights(weights: Sequence[Tensor], masks: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Fills `out` in place with each weight where its mask is True and with 0 elsewhere; all shaped alike, one dtype.

    Raises:
        ValueError: the weights are not of a real floating dtype.
    """
    for weight, mask, masked in zip(weights, masks, out, strict=True):
        apply_mask(weight.detach(), mask, out=masked.detach())


@dataclass(frozen=True)
class MaskedWeights:
    """The weights of all layers, their masks, and the weights with zeros where they are masked.

    Attributes:
        weights: one per layer.
        masks: bool, shaped like them.
        masked: shaped like them.
    """

    weights: Sequence[Tensor]
    masks: Sequence[Tensor]
    masked: Sequence[Tensor]
