"""Whether two cells may be ranked and subtracted: at the same cost, on the same images, with the same seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from .compared_run import ComparedRun
from .lines import Cell
from .options import option_differences

Obstacles = Callable[[Cell, Cell], list[str]]

# Tuning to a number of passes ends with the nearest whole epoch: what that may make of passes that were asked to be equal.
AN_EPOCH, SHARE = 2, 0.05


def obstacles(one: Cell, other: Cell) -> list[str]:
    """Returns in what two cells of a sparsity differ that forbids to rank them, a phrase each; [] where nothing does.

    What neither has recorded is no obstacle, but for the passes, and is to be said beside the numbers.
    """
    ours, theirs = ({run.counted for run in cell.runs.values()} for cell in (one, other))
    counts = [] if ours == theirs else [f"a share of {_listed(ours)} removed, not of {_listed(theirs)}"]
    return [*obstacles_at_a_cost(one, other), *counts]


def obstacles_at_a_cost(one: Cell, other: Cell) -> list[str]:
    """Returns the same of cells that are set against what they cost, whatever their sparsity counts."""
    seeds = [] if list(one.runs) == list(other.runs) else [f"seeds {_listed(one.runs)}, not {_listed(other.runs)}"]
    pairs = [(run, other.runs[seed]) for seed, run in one.runs.items() if seed in other.runs]
    found = [phrase for pair in pairs for phrase in _obstacles_of_pair(*pair)]
    return [*seeds, *dict.fromkeys(found)]


def comparable_cells(column: Sequence[Cell], forbids: Obstacles = obstacles) -> list[Cell]:
    """Returns the most cells of a column that may be ranked with one of them; [] if there are no two, or it is not clear which."""
    groups = [[cell for cell in column if not forbids(cell, pivot)] for pivot in column]
    largest = max(map(len, groups), default=0)
    chosen = [group for group in groups if len(group) == largest]
    is_clear = largest > 1 and all(group == chosen[0] for group in chosen)
    return chosen[0] if is_clear else []


def _obstacles_of_pair(one: ComparedRun, other: ComparedRun) -> list[str]:
    """Returns the same of two runs with the same seed."""
    phrases = [
        _passes(one, other),
        _different("test images", one.images, other.images),
        _different("split", one.result.split, other.result.split),
        *_beside_the_passes(one, other),
    ]
    names = [name for name in one.data if name in other.data and one.data[name] != other.data[name]]
    phrases += [f"other {name}" for name in names if name != "model"]
    if "model" in names and not option_differences([one, other]):
        phrases.append("other weights of the model to begin with")
    return [phrase for phrase in phrases if phrase]


def _passes(one: ComparedRun, other: ComparedRun) -> str:
    ours, theirs = one.passes, other.passes
    if ours is None or theirs is None:
        return "passes that are not recorded"
    asked = one.options.get("equal_passes")
    is_asked = asked is not None and asked == other.options.get("equal_passes")
    is_near = math.isclose(ours, theirs, rel_tol=SHARE) and abs(ours - theirs) < AN_EPOCH
    is_equal = math.isclose(ours, theirs, rel_tol=1e-3) or (is_asked and is_near)
    return "" if is_equal else f"{ours:.4g} passes, not {theirs:.4g}"


def _beside_the_passes(one: ComparedRun, other: ComparedRun) -> list[str]:
    """Returns in what they differ that was trained beside the passes: before them, in another run, or as a teacher."""
    ours, theirs = (
        {
            "epochs of pre-training": run.options.get("pretrain_epochs", 0),
            "a teacher's training": "one" if run.options.get("distill_alpha") else "none",
            "another run's mask to begin with": run.options.get("init_mask") or "none",
        }
        for run in (one, other)
    )
    return [_different(what, ours[what], theirs[what]) for what in ours]


def _different(what: str, one: object, other: object) -> str:
    return "" if one is None or other is None or one == other else f"{what} {one}, not {other}"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
