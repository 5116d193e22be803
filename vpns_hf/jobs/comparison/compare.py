"""The comparison of finished jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...reporting.comparison import comparison_tables, write_comparison
from ...utils.files import one_line_refusals
from .finished_runs import compared_runs


def compare_jobs(folders: Sequence[Path], output_dir: Path) -> str:
    """Writes what comes out of finished jobs side by side, and returns the tables of their accuracies in Markdown.

    Args:
        folders: output_dirs of the jobs.
        output_dir: for what comes out.

    Raises:
        InputError: if a folder holds no finished job, one is given twice, or the disk refuses.
    """
    expanded = [folder.expanduser() for folder in folders]
    for folder in expanded:
        _check_job(folder)
    runs = [run for folder in expanded for run in compared_runs(folder)]
    with one_line_refusals(output_dir):
        write_comparison(runs, output_dir.expanduser())
    return comparison_tables(runs)


def _check_job(folder: Path) -> None:
    if (folder / "results.json").is_file():
        return
    below = sorted(path.parent for path in folder.glob("*/results.json")) if folder.is_dir() else []
    hint = f"give those in it, such as {below[0]}" if below else "give the output_dir of a finished job"
    raise InputError(f"{folder} holds no results.json; {hint}")
