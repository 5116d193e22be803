"""What is pruned: criteria rank units, a budget says how many stay, thresholds find them exactly."""

from __future__ import annotations

from .budget import SCOPES, global_masks, layerwise_masks, num_dropped
from .criteria import Criterion
from .learned_mask import LearnedMask
from .report import effective_density, empty_layers, layer_records
from .thresholds import (
    DeviceSelector,
    HostSelector,
    MaskedWeights,
    WrittenLayers,
    make_selector,
    undecided_entries,
    write_changes,
    write_masked_weights,
    write_masks,
)

__all__ = [
    "SCOPES",
    "Criterion",
    "DeviceSelector",
    "HostSelector",
    "LearnedMask",
    "MaskedWeights",
    "WrittenLayers",
    "effective_density",
    "empty_layers",
    "global_masks",
    "layer_records",
    "layerwise_masks",
    "make_selector",
    "num_dropped",
    "undecided_entries",
    "write_changes",
    "write_masked_weights",
    "write_masks",
]
