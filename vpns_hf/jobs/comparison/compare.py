"""The comparison of finished jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...reporting.comparison import comparison_tables, write_comparison
from ...utils.files import one_line_refusals
from ..resume import FinishedJob, is_finished
from .finished_runs import compared_runs

STUDY, CELLS = "study.json", "cells"  # in the folder of a study


def compare_jobs(folders: Sequence[Path], output_dir: Path) -> str:
    """Writes what comes out of finished jobs side by side, and returns the tables of their accuracies in Markdown.

    Args:
        folders: output_dirs of the jobs; of a study, which stands for its jobs.
        output_dir: for what comes out.

    Raises:
        InputError: if a folder holds no finished job, or one beside a study, two hold the same run, a study lies where the
            results are to be, or the disk refuses.
    """
    _check_no_study(output_dir.expanduser())
    named = [job for folder in folders for job in _jobs_in(folder.expanduser())]
    jobs = {job.resolve(): job for job in named}.values()
    runs = [run for job in jobs for run in compared_runs(job)]
    with one_line_refusals(output_dir):
        write_comparison(runs, output_dir.expanduser())
    return comparison_tables(runs)


def _check_no_study(output_dir: Path) -> None:
    if (output_dir / STUDY).exists() or (output_dir / CELLS).is_dir():
        raise InputError(f"{output_dir} holds a study, whose results would be replaced; give another --output_dir")


def _jobs_in(folder: Path) -> list[Path]:
    """Returns a job, or those of a study that are done."""
    if not (folder / CELLS).is_dir():
        _check_job(folder)
        return [folder]
    if FinishedJob.read(folder) is not None:
        raise InputError(f"{folder} holds a job and, in {CELLS}/, a study; move one of them to a folder of its own")
    done = sorted(path.parent for path in (folder / CELLS).glob("*/results.json") if is_finished(path.parent))
    if not done:
        raise InputError(f"{folder} holds a study of which no job is done; give jobs that are")
    return done


def _check_job(folder: Path) -> None:
    if (folder / "results.json").is_file():
        return
    below = sorted(path.parent for path in folder.glob("*/results.json")) if folder.is_dir() else []
    hint = f"give those in it, such as {below[0]}" if below else "give the output_dir of a finished job"
    raise InputError(f"{folder} holds no results.json; {hint}")
