"""Whether two cells may be ranked and subtracted: at the same cost, on the same images, with the same seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ..numbers import percent
from .compared_run import ComparedRun
from .lines import Cell
from .options import option_differences

Obstacles = Callable[[Cell, Cell], list[str]]

# Tuning to a number of passes ends with the nearest whole epoch: what that may make of passes that were asked to be equal.
AN_EPOCH, SHARE = 2, 0.05
CLOSE = 0.01  # of two shares that are gone
# Options that have a part in what the model is to begin with.
OF_THE_MODEL = {
    "visual_prompt",
    "prompt_size",
    "output_size",
    "image_size",
    "head",
    "label_mapping",
    "pretrain_epochs",
}


def obstacles(one: Cell, other: Cell) -> list[str]:
    """Returns in what two cells of a sparsity differ that forbids to rank them, a phrase each; [] where nothing does.

    What neither has recorded is no obstacle, but for the passes, and is to be said beside the numbers.
    """
    ours, theirs = ({run.counted for run in cell.runs.values()} for cell in (one, other))
    if ours != theirs:
        return [*obstacles_at_a_cost(one, other), f"a share of {_listed(ours)} removed, not of {_listed(theirs)}"]
    return [*obstacles_at_a_cost(one, other), *_reached(one, other)]


def obstacles_at_a_cost(one: Cell, other: Cell) -> list[str]:
    """Returns the same of cells that are set against what they cost, whatever their sparsity counts."""
    seeds = [] if list(one.runs) == list(other.runs) else [f"seeds {_listed(one.runs)}, not {_listed(other.runs)}"]
    return [*seeds, *obstacles_of_pairs(one, other)]


def obstacles_of_pairs(one: Cell, other: Cell) -> list[str]:
    """Returns the same of the runs that have the same seed in both cells."""
    found = [phrase for pair in _pairs(one, other) for phrase in _obstacles_of_pair(*pair)]
    return list(dict.fromkeys(found))


def _pairs(one: Cell, other: Cell) -> list[tuple[ComparedRun, ComparedRun]]:
    return [(run, other.runs[seed]) for seed, run in one.runs.items() if seed in other.runs]


def _reached(one: Cell, other: Cell) -> list[str]:
    """Says where less was removed than by the other, though as much was asked for: that flatters."""
    known = [(ours.reached, theirs.reached) for ours, theirs in _pairs(one, other)]
    apart = [pair for pair in known if None not in pair and abs(pair[0] - pair[1]) > CLOSE]
    return [f"{percent(apart[0][0])} removed, not {percent(apart[0][1])}"] if apart else []


def comparable_cells(column: Sequence[Cell], forbids: Obstacles = obstacles) -> list[Cell]:
    """Returns the most cells of a column that may be ranked with one of them; [] if there are no two, or it is not clear which.

    Of as many cells those with more seeds are ranked.
    """
    groups = [[cell for cell in column if not forbids(cell, pivot)] for pivot in column]
    largest = max(map(_extent, groups), default=(0, 0))
    chosen = [group for group in groups if _extent(group) == largest]
    is_clear = largest[0] > 1 and all(group == chosen[0] for group in chosen)
    return chosen[0] if is_clear else []


def _extent(group: Sequence[Cell]) -> tuple[int, int]:
    return len(group), sum(len(cell.runs) for cell in group)


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
    if "model" in names and not OF_THE_MODEL & option_differences([one, other]).keys():
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
