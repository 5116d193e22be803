"""What a job tells its user: results on disk, tables, plots."""

from __future__ import annotations

from .numbers import sparsity_name
from .records import CostRecord, DenseResult, EpochRecord, LayerRecord, Passes, ViewAccuracy, ViewLoss
from .report import write_model_plots, write_report
from .results import Results, RunResult, share_of_waiting
from .tables import layer_table, results_table

__all__ = [
    "CostRecord",
    "DenseResult",
    "EpochRecord",
    "LayerRecord",
    "Passes",
    "Results",
    "RunResult",
    "ViewAccuracy",
    "ViewLoss",
    "layer_table",
    "results_table",
    "share_of_waiting",
    "sparsity_name",
    "write_model_plots",
    "write_report",
]
