"""Make a study: every combination of methods, sparsities, seeds and whatever else varies, side by side in one table."""

from __future__ import annotations

import logging
import sys

from ..errors import InputError
from .study_options import AskedStudy, parse_study


def main() -> None:
    """Makes the cells of a study that are not done yet, and writes its results."""
    asked = parse_study(sys.argv[1:], __doc__)
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..studies import Agenda, StudyFolder, StudyPlan, Watch, collect
    from ..studies.engines import LocalEngine

    logging.getLogger("vpns_hf.studies").setLevel(logging.INFO)
    folder = StudyFolder(asked.output_dir)
    engine = LocalEngine(jobs=asked.given.jobs)
    if asked.dry_run:
        from ..studies import Estimate

        print(StudyPlan(asked.cells, folder, asked.given.jobs or 1, Estimate()))
        return
    print(StudyPlan(asked.cells, folder), flush=True)
    cells = _chosen(asked)
    engine.run(Agenda(cells, folder, Watch()))
    failed = [cell for cell in cells if folder.state(cell).status.value == "failed"]
    if asked.given.cell is None:
        done = collect(asked.cells, folder)
        print(f"\n{done} of {len(asked.cells)} runs are done. Results: {folder.path}")
    if failed:
        sys.exit(1)


def _chosen(asked: AskedStudy) -> list:
    """Returns the cells to make."""
    number, total = asked.given.cell, len(asked.cells)
    if number is None:
        return asked.cells
    if not 1 <= number <= total:
        raise InputError(f"cell is {number}; allowed: 1 to {total}, as --dry_run lists them")
    return [asked.cells[number - 1]]
