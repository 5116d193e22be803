"""Which cells of a column are in bold, and which may not be ranked with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .comparable import Obstacles, comparable_cells, obstacles
from .lines import Cell
from .statistics import binomial_deviation


@dataclass(frozen=True)
class Ranking:
    """Of the cells of one sparsity.

    Attributes:
        bold: labels of the best, and of what lies within its spread.
        apart: {label: why its cell is not ranked with the others}; of all that differ where nothing can be ranked.
    """

    bold: set[str]
    apart: dict[str, str]


def rank(column: Sequence[Cell], forbids: Obstacles = obstacles) -> Ranking:
    """Returns which are best among those that may be compared: where nothing is in what `forbids` finds.

    Within the spread of the best is what is at most its standard deviation over seeds below its mean; of a single seed,
    the standard deviation of counting over its test images.
    """
    ranked = comparable_cells(column, forbids)
    if not ranked:
        return Ranking(set(), {cell.label: reason for cell in column if (reason := _reason(cell, column, forbids))})
    best = max(ranked, key=lambda cell: cell.accuracy.mean)
    least = best.accuracy.mean - _spread(best) - 1e-12
    return Ranking({cell.label for cell in ranked if cell.accuracy.mean >= least}, _apart(column, ranked, forbids))


def _apart(column: Sequence[Cell], ranked: Sequence[Cell], forbids: Obstacles) -> dict[str, str]:
    """Returns why the others are not among the ranked ones, beside the first of these that tells it."""
    return {cell.label: reason for cell in column if cell not in ranked and (reason := _reason(cell, ranked, forbids))}


def _reason(cell: Cell, ranked: Sequence[Cell], forbids: Obstacles) -> str:
    for other in ranked:
        if found := forbids(cell, other):
            return f"{'; '.join(found)} as {other.label}"
    return ""


def _spread(cell: Cell) -> float:
    if cell.accuracy.deviation is not None:
        return cell.accuracy.deviation
    [run] = cell.runs.values()
    return 0.0 if run.images is None else binomial_deviation(run.accuracy, run.images)
