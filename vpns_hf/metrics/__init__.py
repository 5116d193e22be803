"""What is measured of a model: accuracy, operations, latency. All of it works without a network.

`METRICS` maps the name an `evaluate.Metric` has in its result to its class; a new one is one class and one line in
`registry.py`.
"""

from __future__ import annotations

from ..utils.doors import door

# The metrics need `evaluate`, which takes its time to import.
__all__, __getattr__ = door(
    __name__,
    {
        "latency": ["Latency", "device_name", "fastest_milliseconds", "measure_latency"],
        "macs": ["Macs", "count_macs", "macs_by_layer"],
        "registry": ["METRICS"],
        "semi_structured": ["is_two_of_four", "use_semi_structured"],
        "top_k_accuracy": ["Top1Accuracy", "Top5Accuracy", "TopKAccuracy"],
    },
)
