"""The differences between the lines of a setting, with confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from .comparable import obstacles
from .lines import Cell, Setting
from .statistics import Interval, over_images, over_seeds


@dataclass(frozen=True)
class Difference:
    """How much more accurate one line is than another at a sparsity.

    Attributes:
        one, other: their labels.
        sparsity: that was asked for.
        interval: of the difference of the accuracies in [0, 1].
        seeds: that both have.
    """

    one: str
    other: str
    sparsity: float
    interval: Interval
    seeds: list[int]


def differences_in(setting: Setting) -> list[Difference]:
    """Returns one for each two lines at each sparsity, over the seeds that both have; without those that must not be compared."""
    pairs = [pair for sparsity in setting.sparsities for pair in combinations(setting.column(sparsity), 2)]
    shared = [_with_shared_seeds(*pair) for pair in pairs]
    return [_difference(*pair) for pair in shared if pair[0].runs and not obstacles(*pair)]


def _with_shared_seeds(one: Cell, other: Cell) -> tuple[Cell, Cell]:
    shared = [seed for seed in one.runs if seed in other.runs]
    return one.with_seeds(shared), other.with_seeds(shared)


def _difference(one: Cell, other: Cell) -> Difference:
    return Difference(one.label, other.label, one.sparsity, _interval(one, other), list(one.runs))


def _interval(one: Cell, other: Cell) -> Interval:
    """Over seeds; of a single one over its test images, where it is known which of them are classified rightly."""
    bits = [run.correct for cell in (one, other) for run in cell.runs.values()]
    if len(bits) > 2 or any(of is None for of in bits) or len(bits[0]) != len(bits[1]):
        return over_seeds(one.accuracies, other.accuracies)
    return over_images(*bits)
