"""Selection on an accelerator: the host never waits for a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .threshold import Threshold, ThresholdSelector


@dataclass(frozen=True)
class DeviceThreshold(Threshold):
    """A threshold that is never read by the host.

    Attributes:
        first_kept: 0-dim int64, position in the concatenated layers from which on entries equal to `value` stay.
    """

    first_kept: Tensor

    def write_masks(self, scores: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        start = 0
        for score, mask in zip(scores, masks, strict=True):
            magnitude = score.detach().abs().to(self.value.dtype)
            position = torch.arange(start, start + score.numel(), device=score.device).view(score.shape)
            kept_tie = magnitude.eq(self.value).logical_and_(position >= self.first_kept)
            torch.gt(magnitude, self.value, out=mask).logical_or_(kept_tie)
            start += score.numel()


class DeviceSelector(ThresholdSelector):
    """Selection on an accelerator, without a host synchronisation.

    NaN scores cannot raise here: they make the value NaN and the masks empty, and `float(threshold)` raises.
    """

    def _find(self, layers: list[Tensor], total: int) -> DeviceThreshold:
        magnitudes = torch.cat(layers).abs_()
        value = self._largest_dropped(magnitudes)
        dropped_ties = self.dropped - (magnitudes < value).sum()
        first_kept = ((magnitudes == value).cumsum(0) <= dropped_ties).sum()
        return DeviceThreshold(value.masked_fill(magnitudes.sum().isnan(), math.nan), first_kept)

    def _largest_dropped(self, magnitudes: Tensor) -> Tensor:
        if self.dropped == 0:
            return magnitudes.new_zeros(())
        # not kthvalue: on CUDA it leaves a vector to a single block of threads
        return magnitudes.topk(self.dropped, largest=False, sorted=False).values.amax()
