"""Everything that is left of a comparison: results.json, results.csv, results.md, table.tex and plots/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...utils.files import write_file
from .compared_run import ComparedRun


def write_comparison(runs: Sequence[ComparedRun], output_dir: Path) -> None:
    """Writes what comes out of several runs into `output_dir`, in the place of an earlier comparison.

    Args:
        runs: that are finished.
        output_dir: made if it is not there.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    entries = [{**run.entry, "axes": run.axes} for run in runs]
    write_file(output_dir / "results.json", json.dumps({"runs": entries}, indent=2) + "\n")
