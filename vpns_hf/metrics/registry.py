"""The metrics every evaluation computes."""

from __future__ import annotations

from .library import evaluate
from .top_k_accuracy import Top1Accuracy, Top5Accuracy

METRICS: dict[str, type[evaluate.Metric]] = {
    "accuracy": Top1Accuracy,
    "top5_accuracy": Top5Accuracy,
}
