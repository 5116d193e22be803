"""Which way of selecting a threshold fits the device of the scores."""

from __future__ import annotations

import torch

from .device import DeviceSelector
from .host import HostSelector
from .threshold import ThresholdSelector


def make_selector(dropped: int, device: torch.device | str) -> ThresholdSelector:
    """Returns the selector for scores on `device`: in main memory the one that reads least, elsewhere one that never waits."""
    return HostSelector(dropped) if torch.device(device).type == "cpu" else DeviceSelector(dropped)
