"""What a job tells its user: results on disk, tables, plots, and how numbers are written."""

from __future__ import annotations

from .backend_latency import (
    DENSE,
    DENSE_FLOAT32,
    FLOAT32,
    INT8,
    MNN_DENSE,
    MNN_PRUNED,
    PRUNED,
    BackendLatency,
    LatencyRecord,
    latency_range,
    speed_ratio,
)
from .classes import most_lost
from .evaluation import ModelEvaluation, latency_title
from .markdown import markdown_table
from .numbers import (
    NOT_MEASURED,
    count,
    duration,
    granularity_name,
    interval,
    megabytes,
    milliseconds,
    operations,
    passes,
    percent,
    points,
    short_percent,
    sparsity_name,
    with_prompt,
)
from .predictions import Predictions, save_predictions
from .records import (
    AccuracyAfter,
    ChannelRecord,
    ClassRecord,
    CostRecord,
    DenseResult,
    EpochRecord,
    LayerRecord,
    Passes,
    ViewAccuracy,
    ViewLoss,
)
from .report import write_model_plots, write_report
from .results import Results, RunResult, fitting_reference, share_of_waiting
from .storage_size import StorageSize, binary_entropy, storage_size
from .tables import image_notes, layer_table, results_table

__all__ = [
    "DENSE",
    "DENSE_FLOAT32",
    "FLOAT32",
    "INT8",
    "MNN_DENSE",
    "MNN_PRUNED",
    "NOT_MEASURED",
    "PRUNED",
    "AccuracyAfter",
    "BackendLatency",
    "ChannelRecord",
    "ClassRecord",
    "CostRecord",
    "DenseResult",
    "EpochRecord",
    "LatencyRecord",
    "LayerRecord",
    "ModelEvaluation",
    "Passes",
    "Predictions",
    "Results",
    "RunResult",
    "StorageSize",
    "ViewAccuracy",
    "ViewLoss",
    "binary_entropy",
    "count",
    "duration",
    "fitting_reference",
    "granularity_name",
    "image_notes",
    "interval",
    "latency_range",
    "latency_title",
    "layer_table",
    "markdown_table",
    "megabytes",
    "milliseconds",
    "most_lost",
    "operations",
    "passes",
    "percent",
    "points",
    "results_table",
    "save_predictions",
    "share_of_waiting",
    "short_percent",
    "sparsity_name",
    "speed_ratio",
    "storage_size",
    "with_prompt",
    "write_model_plots",
    "write_report",
]
