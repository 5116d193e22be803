"""Everything that is left of a comparison: results.json, results.csv, results.md, table.tex and plots/."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...utils.files import refuse_foreign, write_file
from .agreement import agreement_at
from .compared_run import ComparedRun
from .differences import differences_in
from .latex import latex_tables
from .lines import Setting, settings_of
from .markdown import Section, report
from .notes import difference_notes, table_notes
from .pictures import PLOTS, remove_pictures, write_pictures
from .ranking import rank
from .spreadsheet import csv_text

RESULTS, TABLE, REPORT, LATEX = "results.json", "results.csv", "results.md", "table.tex"
MARK = "settings"  # in a results.json, which that of a job has not


def write_comparison(runs: Sequence[ComparedRun], output_dir: Path) -> None:
    """Writes what comes out of several runs into `output_dir`, in the place of an earlier comparison.

    Args:
        runs: that are finished.
        output_dir: made if it is not there.

    Raises:
        InputError: if there is nothing to compare, two runs are the same, or the folder holds files that are not of a comparison.
    """
    settings = settings_of(runs)
    check_replaceable(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    remove_pictures(output_dir)
    sections = [_section(setting, output_dir, _place(setting, settings)) for setting in settings]
    paths = _paths(runs)
    content = json.dumps(_content(runs, sections, paths), indent=2, allow_nan=False) + "\n"
    write_file(output_dir / RESULTS, content)  # first, as it says whose the others are
    write_file(output_dir / TABLE, csv_text(settings, paths))
    write_file(output_dir / LATEX, latex_tables(settings))
    write_file(output_dir / REPORT, report(sections))


def _section(setting: Setting, output_dir: Path, place: str) -> Section:
    found = [agreement_at(setting, sparsity) for sparsity in setting.sparsities]
    agreements = [agreement for agreement in found if agreement is not None]
    pictures = write_pictures(setting, agreements, output_dir, place)
    return Section(setting, differences_in(setting), agreements, pictures)


def is_comparison(folder: Path) -> bool:
    """Returns whether the results.json of a folder is that of a comparison or a study, not of a job."""
    try:
        content = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and MARK in content


def check_replaceable(output_dir: Path) -> None:
    """Raises InputError if a folder holds files that are not of a comparison, and those of one would replace."""
    if not is_comparison(output_dir):
        refuse_foreign(output_dir, (RESULTS, TABLE, REPORT, LATEX), "comparison")


def _place(setting: Setting, settings: Sequence[Setting]) -> str:
    """Returns the folder of the plots of a setting; one of several has its own."""
    if len(settings) == 1:
        return PLOTS
    name = "".join(sign if sign.isalnum() or sign in "-._" else "-" for sign in f"{setting.model}-{setting.dataset}")
    return f"{PLOTS}/{settings.index(setting) + 1}-{name}"


def _paths(runs: Sequence[ComparedRun]) -> dict[Path, str]:
    """Returns how the folder of each job is written: from the one that leads to all of them on."""
    folders = {run.folder: os.path.abspath(run.folder) for run in runs}
    above = os.path.commonpath([os.path.dirname(folder) for folder in folders.values()])
    return {folder: Path(os.path.relpath(path, above)).as_posix() for folder, path in folders.items()}


def _content(runs: Sequence[ComparedRun], sections: Sequence[Section], paths: Mapping[Path, str]) -> dict[str, Any]:
    entries = [{"axes": run.axes, "job": paths[run.folder], **run.entry, "dense": run.dense} for run in runs]
    return {"runs": entries, MARK: [_told(section) for section in sections]}


def _told(section: Section) -> dict[str, Any]:
    setting = section.setting
    return {
        "model": setting.model,
        "dataset": setting.dataset,
        "cells": [_cells(setting, sparsity) for sparsity in setting.sparsities],
        "agreement": [{**vars(each), "shares": each.shares.round(6).tolist()} for each in section.agreements],
        "differences": [asdict(difference) for difference in section.differences],
        "notes": [*table_notes(setting), *difference_notes(section.differences)],
    }


def _cells(setting: Setting, sparsity: float) -> dict[str, Any]:
    column, ranking = setting.column(sparsity), rank(setting.column(sparsity))
    lines = [
        {
            "line": cell.label,
            "seeds": list(cell.runs),
            "accuracy": asdict(cell.accuracy),
            "passes": cell.passes,
            "is_best": cell.label in ranking.bold,
            "apart": ranking.apart.get(cell.label),
        }
        for cell in column
    ]
    return {"sparsity": sparsity, "lines": lines}
