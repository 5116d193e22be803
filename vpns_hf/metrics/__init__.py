"""What is measured of a model: accuracy, operations, latency. All of it works without a network.

`METRICS` maps the name an `evaluate.Metric` has in its result to its class; a new one is one class and one line here.
"""

from __future__ import annotations

from .latency import device_name, measure_latency
from .library import evaluate
from .macs import Macs, count_macs
from .top_k_accuracy import Top1Accuracy, Top5Accuracy, TopKAccuracy

METRICS: dict[str, type[evaluate.Metric]] = {
    "accuracy": Top1Accuracy,
    "top5_accuracy": Top5Accuracy,
}

__all__ = [
    "METRICS",
    "Macs",
    "Top1Accuracy",
    "Top5Accuracy",
    "TopKAccuracy",
    "count_macs",
    "device_name",
    "measure_latency",
]
