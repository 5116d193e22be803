"""What stands in the tables of a setting, before it is written in Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..numbers import NOT_MEASURED, passes, short_percent
from .lines import Cell, Line, Setting
from .ranking import rank
from .statistics import Spread

NOTHING = "-"


@dataclass(frozen=True)
class Entry:
    """What stands in one place.

    Attributes:
        mean: of an accuracy in %.
        deviation: likewise; empty of a single seed.
        seeds: how many, where they are not those of the line.
        is_bold: whether it is best, or within the spread of the best.
        is_apart: whether it may not be ranked with the others of its column.
    """

    mean: str
    deviation: str = ""
    seeds: str = ""
    is_bold: bool = False
    is_apart: bool = False


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: of the line.
        seeds: how many.
        passes: over the training images, and behind the stroke those of the dense model.
        dense: accuracy of the dense model.
        entries: one for each sparsity; None where the line has no such run.
    """

    label: str
    seeds: int
    passes: str
    dense: Entry
    entries: list[Entry | None]


def accuracy_rows(setting: Setting) -> list[Row]:
    """Returns the accuracies of a setting, a row for each line."""
    rankings = {sparsity: rank(setting.column(sparsity)) for sparsity in setting.sparsities}

    def entry(line: Line, sparsity: float) -> Entry | None:
        cell = line.cells.get(sparsity)
        if cell is None:
            return None
        ranking = rankings[sparsity]
        seeds = "" if list(cell.runs) == line.seeds else str(len(cell.runs))
        return _entry(cell.accuracy, seeds, line.label in ranking.bold, line.label in ranking.apart)

    return [
        Row(
            line.label,
            len(line.seeds),
            _passes(line),
            _dense(line),
            [entry(line, each) for each in setting.sparsities],
        )
        for line in setting.lines
    ]


def kept_rows(setting: Setting) -> list[list[str]]:
    """Returns what is left of each line at each sparsity, behind label and passes: the share of the MACs, and the size in MB."""

    def entry(line: Line, sparsity: float) -> str:
        cell = line.cells.get(sparsity)
        if cell is None:
            return NOTHING
        macs = _mean(cell, lambda run: run.result.cost.macs_kept, lambda value: f"{100 * value:.1f}%")
        size = _mean(cell, lambda run: run.size, lambda value: f"{value / 1e6:.3g} MB")
        return f"{macs}, {size}"

    return [
        [line.label, _passes(line), *(entry(line, sparsity) for sparsity in setting.sparsities)]
        for line in setting.lines
    ]


def sparsity_titles(setting: Setting) -> list[str]:
    """Returns the sparsities as they stand above their columns."""
    return [short_percent(sparsity) for sparsity in setting.sparsities]


def _entry(spread: Spread, seeds: str = "", is_bold: bool = False, is_apart: bool = False) -> Entry:
    deviation = "" if spread.deviation is None else f"{100 * spread.deviation:.2f}"
    return Entry(f"{100 * spread.mean:.2f}", deviation, seeds, is_bold, is_apart)


def _passes(line: Line) -> str:
    ours = [run.passes for run in line.runs]
    theirs = [run.reference.passes for run in line.runs]
    return "/".join(
        passes(values).removesuffix(" passes").removesuffix(" pass") or NOTHING for values in (ours, theirs)
    )


def _dense(line: Line) -> Entry:
    """Returns the accuracy of the dense models; from the lowest to the highest where sparsities have different ones."""
    by_cell = [[run.reference.accuracy for run in cell.runs.values()] for cell in line.cells.values()]
    if any(accuracy is None for accuracies in by_cell for accuracy in accuracies):
        return Entry(NOT_MEASURED)
    entries = list(dict.fromkeys(_entry(Spread.of(accuracies)) for accuracies in by_cell))
    if len(entries) == 1:
        return entries[0]
    means = sorted((entry.mean for entry in entries), key=float)
    return Entry(f"{means[0]} to {means[-1]}")


def _mean(cell: Cell, value_of: Callable, write: Callable[[float], str]) -> str:
    values: Sequence[float | None] = [value_of(run) for run in cell.runs.values()]
    return NOTHING if any(value is None for value in values) else write(Spread.of(values).mean)
