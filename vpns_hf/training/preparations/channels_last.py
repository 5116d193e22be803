"""The order of pictures in memory."""

from __future__ import annotations

import torch

from ...models import VPNsForImageClassification
from .base import Preparation


class ChannelsLast(Preparation):
    """Keeps convolution weights, and so all pictures between layers, with the channel as the innermost dimension."""

    def apply(self, model: VPNsForImageClassification) -> None:
        model.to(memory_format=torch.channels_last)

    def undo(self, model: VPNsForImageClassification) -> None:
        model.to(memory_format=torch.contiguous_format)
