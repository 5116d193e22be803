"""A comparison as comma-separated values, a row for each run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .compared_run import ComparedRun
from .lines import Setting


def csv_text(settings: Sequence[Setting], paths: Mapping[Path, str]) -> str:
    """Returns the text of results.csv: fractions in [0, 1], sizes in bytes, empty where not measured.

    Args:
        settings: with all runs.
        paths: {folder of a job: how it is written}.
    """
    rows = [
        {"model": setting.model, "dataset": setting.dataset, **line.axes, **_row(run), "job": paths[run.folder]}
        for setting in settings
        for line in setting.lines
        for run in line.runs
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(run: ComparedRun) -> dict[str, Any]:
    result, dense = run.result, run.reference
    names = ("granularity", "scope", "seed", "sparsity_requested", "sparsity", "effective_density", "split")
    cost = (
        "macs",
        "macs_nonzero",
        "milliseconds",
        "dense_milliseconds",
        "batch_size",
        "device",
        "dtype",
        "dense_bytes",
    )
    return {
        **{name: getattr(result, name) for name in names},
        "test_images": run.images,
        "accuracy": run.accuracy,
        "view": result.view,
        **{f"accuracy_{view}": getattr(result.accuracy, view) for view in ("prompted", "plain")},
        **{f"top5_{view}": getattr(result.top5, view) for view in ("prompted", "plain")},
        "dense_accuracy": dense.accuracy,
        "passes": run.passes,
        **{f"passes_{part}": getattr(result.passes, part, None) for part in ("search", "rounds", "tuning")},
        "dense_passes": dense.passes,
        "nonzero": result.nonzero,
        "total": result.total,
        "bytes": run.size,
        **{name: getattr(result.cost, name) for name in cost},
        "seconds": result.total_seconds,
    }
