"""What methods are made of: each stage is one step, which the loop runs."""

from __future__ import annotations

from .bilevel import FindMaskBilevel
from .find_mask import FindMaskStage
from .finetune import FineTuneStage, Lesson, tuning_optimizer
from .label_mapping import FitLabelMapping, count_predictions, fit_label_mapping
from .measure import MEASURED, Measure
from .pretrain import PretrainStage
from .prune import Prune
from .recalibrate import RecalibrateBatchNorm
from .rewind import Rewind
from .round import BetweenRounds, TrainRound
from .scoring import scoring_context
from .sr_ste import FineTuneBySrSte
from .starting_mask import StartFromMask

__all__ = [
    "MEASURED",
    "BetweenRounds",
    "FindMaskBilevel",
    "FindMaskStage",
    "FineTuneBySrSte",
    "FineTuneStage",
    "FitLabelMapping",
    "Lesson",
    "Measure",
    "PretrainStage",
    "Prune",
    "RecalibrateBatchNorm",
    "Rewind",
    "StartFromMask",
    "TrainRound",
    "count_predictions",
    "fit_label_mapping",
    "scoring_context",
    "tuning_optimizer",
]
