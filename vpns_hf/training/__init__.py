"""The engine: runs, stages, the one loop, and what watches it. It knows no command line, no method, no folder."""

from __future__ import annotations

from .agenda import Agenda
from .batch_norm import normalisation_layers, running_statistics, synchronise_statistics
from .callbacks import LoggingCallback, ProgressCallback, TrackingCallback
from .evaluation import Evaluation, evaluate_views, gather_valid, predictions
from .loop import enter, run_stages, train, train_epoch
from .objectives import CrossEntropy, Distillation, Objective, WeightedCrossEntropy
from .optimizers import AdamSpec, OptimizerSpec, SGDSpec
from .preparations import (
    ChannelsLast,
    Compiled,
    FastStemGradient,
    Preparation,
    StridedConvolution,
    frame_gradient,
    has_slow_input_gradient,
    input_gradient,
)
from .progress import StageProgress
from .rank_check import RankCheck, check_ranks, fingerprints, shared_tensors
from .run import MAIN, PLAIN, PROMPTED, Callback, ModelStage, Run, RunData, Stage, TrainingStage, Update
from .selection import BestOnValidation, EpochSelection, LastEpoch, SelectedEpoch, best_view
from .updating import LEAST_IMAGES, SkipNonFinite, Stepping, StopAtNonFinite
from .waiting import Waiting

__all__ = [
    "LEAST_IMAGES",
    "MAIN",
    "PLAIN",
    "PROMPTED",
    "AdamSpec",
    "Agenda",
    "BestOnValidation",
    "Callback",
    "ChannelsLast",
    "Compiled",
    "CrossEntropy",
    "Distillation",
    "EpochSelection",
    "Evaluation",
    "FastStemGradient",
    "LastEpoch",
    "LoggingCallback",
    "ModelStage",
    "Objective",
    "OptimizerSpec",
    "Preparation",
    "ProgressCallback",
    "RankCheck",
    "Run",
    "RunData",
    "SGDSpec",
    "SelectedEpoch",
    "SkipNonFinite",
    "Stage",
    "StageProgress",
    "Stepping",
    "StopAtNonFinite",
    "StridedConvolution",
    "TrackingCallback",
    "TrainingStage",
    "Update",
    "Waiting",
    "WeightedCrossEntropy",
    "best_view",
    "check_ranks",
    "enter",
    "evaluate_views",
    "fingerprints",
    "frame_gradient",
    "gather_valid",
    "has_slow_input_gradient",
    "input_gradient",
    "normalisation_layers",
    "predictions",
    "run_stages",
    "running_statistics",
    "shared_tensors",
    "synchronise_statistics",
    "train",
    "train_epoch",
]
