"""A number on a device, read without waiting for the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class LateNumber:
    """The value of the last offered number that the device has come to.

    Attributes:
        value: NaN before there is one.
    """

    def __init__(self) -> None:
        self.value = math.nan
        self._copy: Tensor | None = None
        self._copied: torch.cuda.Event | None = None

    def offer(self, number: Tensor) -> None:
        """Takes a 0-dim number; on an NVIDIA GPU `value` becomes it once a later offer finds it copied."""
        if number.device.type != "cuda":
            self.value = number.item()
            return
        if self._copied is not None and not self._copied.query():
            return
        if self._copy is not None:
            self.value = self._copy.item()
        self._copy = number.to("cpu", non_blocking=True)  # to pinned memory
        self._copied = torch.cuda.Event()
        self._copied.record()
