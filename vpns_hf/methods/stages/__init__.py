"""What methods are made of: each stage is one step, which the loop runs."""

from __future__ import annotations

from .find_mask import FindMaskStage
from .finetune import FineTuneStage
from .label_mapping import FitLabelMapping, count_predictions, fit_label_mapping
from .pretrain import PretrainStage
from .recalibrate import RecalibrateBatchNorm

__all__ = [
    "FindMaskStage",
    "FineTuneStage",
    "FitLabelMapping",
    "PretrainStage",
    "RecalibrateBatchNorm",
    "count_predictions",
    "fit_label_mapping",
]
