"""Make a study: every combination of methods, sparsities, seeds and whatever else varies, side by side in one table."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from dataclasses import fields
from typing import TYPE_CHECKING

from ..errors import InputError
from ..utils.options import COUNT, RATE
from .parsing import AskedStudy, parse_study

if TYPE_CHECKING:
    from ..studies.engines import Engine


def main() -> None:
    """Makes the cells of a study that are not done yet, and writes its results."""
    asked = parse_study(sys.argv[1:], __doc__)
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..reporting.comparison import comparison_tables
    from ..studies import Agenda, StudyFolder, StudyPlan, Watch, collect
    from ..studies.engines import ENGINES

    logging.getLogger("vpns_hf.studies").setLevel(logging.INFO)
    folder = StudyFolder(asked.output_dir)
    engine = _engine(ENGINES[asked.given.engine], asked.given)
    folder.check()
    if asked.dry_run:
        from ..studies import Estimate

        print(StudyPlan(asked.cells, folder, asked.given.jobs or 1, Estimate()))
        return
    cells = _chosen(asked)
    print(StudyPlan(asked.cells, folder), flush=True)
    engine.run(Agenda(cells, folder, Watch()))
    failed = [cell for cell in cells if folder.state(cell).status.value == "failed"]
    if asked.given.cell is None:
        done = collect(asked.cells, folder)
        if done:
            print(f"\n{comparison_tables(done)}")
        where = f" Results, tables and plots: {folder.path}" if done else ""
        print(f"\n{len({run.folder for run in done})} of {len(asked.cells)} runs are done.{where}")
    if failed:
        sys.exit(1)


def _engine(kind: type, given: Namespace) -> Engine:
    """Returns the engine with the options that were given for it."""
    chosen = {name: getattr(given, name) for name in ("jobs", "address", "cpus_per_job", "gpus_per_job")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    for name, value in chosen.items():
        if name not in {entry.name for entry in fields(kind)}:
            raise InputError(f"{name} is {value}, which --engine {given.engine} does not take; leave it out")
        if name != "address":
            (COUNT if name == "jobs" else RATE).check(name, value)
    return kind(**chosen)


def _chosen(asked: AskedStudy) -> list:
    """Returns the cells to make."""
    number, total = asked.given.cell, len(asked.cells)
    if number is None:
        return asked.cells
    if not 1 <= number <= total:
        raise InputError(f"cell is {number}; allowed: 1 to {total}, as --dry_run lists them")
    return [asked.cells[number - 1]]
