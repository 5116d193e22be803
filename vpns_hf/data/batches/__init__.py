"""Decoded images become batches of pixels on the device, the same for every number of processes."""

from __future__ import annotations

from .batches import Batch, EvalBatches, Process, TrainBatches
from .crops import CropPlan, Crops
from .prefetch import EarlyEvalBatches, EarlyTrainBatches
from .resampling import SquareResize, interpolation_matrix
from .side_stream import on_a_side_stream, one_ahead
from .transforms import EvalTransform, TrainTransform, Transform

__all__ = [
    "Batch",
    "CropPlan",
    "Crops",
    "EarlyEvalBatches",
    "EarlyTrainBatches",
    "EvalBatches",
    "EvalTransform",
    "Process",
    "SquareResize",
    "TrainBatches",
    "TrainTransform",
    "Transform",
    "interpolation_matrix",
    "on_a_side_stream",
    "one_ahead",
]
