"""The exact top-k engine: the threshold that drops a given number of scores.

`host.py` finds it in main memory, `device.py` on an accelerator; `threshold.py` says what one is, and `following.py` brings
masks up to date with the next one.
"""

from __future__ import annotations

from .device import DeviceSelector
from .following import WrittenLayers, undecided_entries, write_changes
from .host import HostSelector
from .selectors import make_selector
from .threshold import MaskedWeights, Threshold, write_masked_weights, write_masks

__all__ = [
    "DeviceSelector",
    "HostSelector",
    "MaskedWeights",
    "Threshold",
    "WrittenLayers",
    "make_selector",
    "undecided_entries",
    "write_changes",
    "write_masked_weights",
    "write_masks",
]
