"""Metrics that work without a network: subclasses of `evaluate.Metric` that ship with the package.

`METRICS` maps the name a metric has in its result to its class; a new metric is one class and one line here.
"""

from __future__ import annotations

import evaluate

from .top_k_accuracy import Top1Accuracy, Top5Accuracy, TopKAccuracy

METRICS: dict[str, type[evaluate.Metric]] = {
    "accuracy": Top1Accuracy,
    "top5_accuracy": Top5Accuracy,
}

__all__ = ["METRICS", "Top1Accuracy", "Top5Accuracy", "TopKAccuracy"]
