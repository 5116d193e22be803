"""What is pruned: criteria rank units, a budget says how many stay, thresholds find them exactly."""

from __future__ import annotations

from .budget import SCOPES, global_masks, layerwise_masks, num_dropped
from .learned_mask import LearnedMask
from .report import effective_density, empty_layers, layer_records

__all__ = [
    "SCOPES",
    "LearnedMask",
    "effective_density",
    "empty_layers",
    "global_masks",
    "layer_records",
    "layerwise_masks",
    "num_dropped",
]
