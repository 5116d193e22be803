"""What comes out of a study: the results of its done cells, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import InputError
from ..jobs import STUDY, compared_runs
from ..jobs.resume import FinishedJob
from ..reporting.comparison import ComparedRun, write_comparison
from ..utils.files import one_line_refusals, write_file
from ..utils.text import differences
from .cell import Cell
from .folder import Status, StudyFolder


def collect(cells: Sequence[Cell], folder: StudyFolder) -> list[ComparedRun]:
    """Writes how far a study is, and the results of its cells that are done; returns these.

    Raises:
        InputError: if the disk refuses, the results of a cell cannot be read, or cells do not belong side by side.
    """
    states = {cell.name: folder.state(cell) for cell in cells}
    done = [cell for cell in cells if states[cell.name].status is Status.DONE]
    for cell in done:
        check_options(cell, folder)
    check_same_images(done, folder)
    failed = [
        {"cell": cell.name, "axes": cell.axes, "reason": states[cell.name].found.record.reason}
        for cell in cells
        if states[cell.name].status is Status.FAILED
    ]
    told = {"planned": len(cells), "done": [cell.name for cell in done], "failed": failed}
    with one_line_refusals(folder.path):
        folder.path.mkdir(parents=True, exist_ok=True)
        write_file(folder.path / STUDY, json.dumps(told, indent=2) + "\n")
        runs = [run for cell in done for run in compared_runs(folder.job(cell), cell.axes)]
        if runs:
            write_comparison(runs, folder.path)
    return runs


def check_options(cell: Cell, folder: StudyFolder) -> None:
    """Raises InputError where the job of a cell was made with other options than those that it has now, by other defaults."""
    job = FinishedJob.read(folder.job(cell))
    made = {} if job is None else job.identity
    # Precision is also what accelerate is configured for.
    names = [name for name in cell.used if name in made and name != "mixed_precision"]
    changes = differences({name: made[name] for name in names}, {name: cell.used[name] for name in names})
    if changes:
        raise InputError(
            f"the cell {cell.name} was made with {'; '.join(changes)}: a default has changed; "
            f"remove {folder.job(cell)} to have it made anew"
        )


def check_same_images(cells: Sequence[Cell], folder: StudyFolder) -> None:
    """Raises InputError where cells of one data set were tested on different images, as it has changed in between."""
    seen: dict[str, tuple[str, str]] = {}
    for cell in cells:
        job = FinishedJob.read(folder.job(cell))
        tested = None if job is None else job.identity.get("test images")
        names = ("dataset_name", "dataset_config_name", "image_size", "max_test_samples", "test_fraction")
        data = json.dumps([cell.identity.get(name) for name in names])
        if tested is None:
            continue
        first, other = seen.setdefault(data, (tested, cell.name))
        if tested != first:
            raise InputError(
                f"the cells {other} and {cell.name} were tested on different images ({first} and {tested}), as the data have "
                f"changed; remove the older of {folder.job(cell).parent} and repeat the command"
            )
