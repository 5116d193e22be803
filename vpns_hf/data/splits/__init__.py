"""Which rows train, select and test."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "calibration_split": ["choose_calibration_split"],
        "evaluation_split": ["EvaluationSplit", "choose_evaluation_split"],
        "overlap": ["check_apart"],
        "splits": ["Splits", "named_splits", "prepare_splits"],
    },
)
