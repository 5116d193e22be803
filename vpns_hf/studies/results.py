"""What comes out of a study: the results of its done cells, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..jobs.resume import FinishedJob
from ..reporting import Results
from ..utils.files import one_line_refusals, write_file
from ..utils.text import differences
from .cell import Cell
from .folder import Status, StudyFolder

RESULTS, STUDY = "results.json", "study.json"


@dataclass(frozen=True)
class StudyRun:
    """The finished job of a cell.

    Attributes:
        folder: of the job.
        axes: {name: value} of what varies in the study.
    """

    folder: Path
    axes: Mapping[str, str]


def collect(cells: Sequence[Cell], folder: StudyFolder) -> int:
    """Writes how far a study is, and the results of its cells that are done; returns how many these are.

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
        if done:
            write_tables([StudyRun(folder.job(cell), cell.axes) for cell in done], folder.path)
    return len(done)


def write_tables(runs: Sequence[StudyRun], output_dir: Path) -> None:
    """Writes what is made of the runs side by side; the one place that knows how.

    Args:
        runs: those that are done, at least one.
        output_dir: of the study.
    """
    content = {"runs": [_entry(run, output_dir) for run in runs]}
    write_file(output_dir / RESULTS, json.dumps(content, indent=2, allow_nan=False) + "\n")


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


def _entry(run: StudyRun, output_dir: Path) -> dict[str, Any]:
    """Returns the entry of a run, as in the results.json of its job, with its job, its axes and its dense reference."""
    results = Results.load(run.folder / RESULTS)
    [result] = results.runs
    [entry] = results.to_dict()["runs"]
    reference = Results(dense=results.reference_of(result)).to_dict()["dense"]
    return {"axes": run.axes, "job": run.folder.relative_to(output_dir).as_posix(), **entry, "dense": reference}
