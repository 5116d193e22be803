"""The exact global threshold of a set of scores, and the masks it stands for.

The threshold is the k-th smallest |S| over all layers together: the last value that is dropped. Equal magnitudes are
dropped in the order of their position in the concatenated layers, so exactly k entries go whatever the ties.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import torch
from torch import Tensor

from vpns_hf.errors import InputError

NAN_SCORES = "scores contain NaN, which has no rank; lower the learning rate or look for the NaN in the loss"


def num_dropped(total: int, sparsity: float | str | Decimal | Fraction) -> int:
    """How many of `total` entries a sparsity removes: floor(sparsity * total), free of binary rounding.

    The sparsity counts as the decimal it is written as, and the rounding of a difference such as 1 - 0.9 is undone
    (the nearest fraction with a denominator of at most 10^12 is taken).

    Raises:
        InputError: the sparsity is not a number in [0, 1).
    """
    try:
        exact = Fraction(str(sparsity)).limit_denominator(10**12)
    except ValueError:
        exact = Fraction(-1)
    if not 0 <= exact < 1:
        raise InputError(f"sparsity {sparsity} is not a number in [0, 1); give the fraction of weights to remove")
    return math.floor(exact * total)


@dataclass(frozen=True)
class Threshold:
    """Where the dropped scores end: magnitudes below `value` go, above it stay, ties are split by position.

    Attributes:
        value: 0-dim float32, the largest dropped |S|; 0 when nothing is dropped, NaN when a score is NaN and the device
            could not be asked (see `DeviceSelector`).
        first_kept: 0-dim int64 on the same device, position in the concatenated layers from which on entries equal to
            `value` stay.
    """

    value: Tensor
    first_kept: Tensor

    def __float__(self) -> float:
        """The value as a number (waits for the device). Raises InputError when a score was NaN."""
        value = self.value.item()
        if math.isnan(value):
            raise InputError(NAN_SCORES)
        return value


class ThresholdSelector(ABC):
    """Finds the threshold that drops exactly `dropped` of the scores; the result depends on the scores alone."""

    def __init__(self, dropped: int) -> None:
        self.dropped = dropped

    @abstractmethod
    def select(self, scores: Sequence[Tensor]) -> Threshold:
        """The threshold of float32 scores of any shapes, all on one device, in this order."""


class DeviceSelector(ThresholdSelector):
    """Selection without a host synchronisation: one k-th value over the concatenation.

    NaN cannot be raised without asking the device: it makes the value NaN, which `float(threshold)` reports.
    """

    def __init__(self, dropped: int) -> None:
        super().__init__(dropped)
        self._magnitudes = torch.empty(0)

    def select(self, scores: Sequence[Tensor]) -> Threshold:
        magnitudes = self._gather(scores)
        if self.dropped == 0:
            return _keep_everything(magnitudes.device)
        value = torch.kthvalue(magnitudes, self.dropped).values
        tied = magnitudes == value
        dropped_ties = self.dropped - (magnitudes < value).sum()
        first_kept = (tied.cumsum(0) <= dropped_ties).sum()
        return Threshold(value + 0 * magnitudes.sum().nan_to_num(nan=math.nan, posinf=0), first_kept)

    def _gather(self, scores: Sequence[Tensor]) -> Tensor:
        return torch.cat([score.detach().reshape(-1) for score in scores]).abs_()


class HostSelector(ThresholdSelector):
    """Selection in main memory."""

    def select(self, scores: Sequence[Tensor]) -> Threshold:
        threshold = DeviceSelector(self.dropped).select(scores)
        float(threshold)
        return threshold


SELECTORS: dict[str, type[ThresholdSelector]] = {"cpu": HostSelector}


def make_selector(dropped: int, device: torch.device | str) -> ThresholdSelector:
    """The selector for scores on `device`: everything but main memory takes the one that never synchronises."""
    return SELECTORS.get(torch.device(device).type, DeviceSelector)(dropped)


def _keep_everything(device: torch.device) -> Threshold:
    return Threshold(torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device))


@torch.no_grad()
def write_masks(scores: Sequence[Tensor], threshold: Threshold, masks: Sequence[Tensor]) -> None:
    """Fill bool masks, shaped like the scores, in place: True where a score stays."""
    start = 0
    for score, mask in zip(scores, masks, strict=True):
        magnitude = score.abs()
        position = torch.arange(start, start + score.numel(), device=score.device).view(score.shape)
        kept_tie = (magnitude == threshold.value) & (position >= threshold.first_kept)
        torch.logical_or(magnitude > threshold.value, kept_tie, out=mask)
        start += score.numel()


@torch.no_grad()
def write_masked_weights(weights: Sequence[Tensor], masks: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Fill `out` in place with each weight where its mask is True and 0 elsewhere."""
    for weight, mask, masked in zip(weights, masks, out, strict=True):
        torch.where(mask, weight, weight.new_zeros(()), out=masked)
