"""Which cells a study has: every combination of the values of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from typing import Any

from ..data.catalog import find_spec
from ..errors import InputError
from ..jobs import InputArguments, VPNsTrainingArguments
from ..methods import METHODS, Task
from ..pruning import Granularity
from ..utils.options import COUNT
from .cell import Cell, written

# An option that a study decides on by itself.
OF_THE_STUDY = (
    "output_dir",
    "overwrite_output_dir",
    "shared_dir",
    "resume_from_checkpoint",
    "disable_tqdm",
    "dry_run",
    "push_to_hub",
    "hub_model_id",
    "public",
    "collection",
    "license",
)
MANY = 10**9  # images, so that what a criterion reads of them counts as nothing
# Varies fastest, so that jobs that are started together do not wait for each other's pre-training.
LAST = "seed"


@dataclass(frozen=True)
class Grid:
    """Options that hold for all of its cells, and those that vary.

    Attributes:
        options: {name: value}.
        axes: {name: values}; of `sparsities` each value is one number.
    """

    options: Mapping[str, Any]
    axes: Mapping[str, Sequence[Any]]

    def combinations(self) -> list[dict[str, Any]]:
        """Returns the options of each combination, the seeds varying fastest."""
        names = sorted(self.axes, key=lambda name: name == LAST)
        return [
            {**self.options, **dict(zip(names, chosen, strict=True))} for chosen in product(*map(self.axes.get, names))
        ]


def cells_of(grids: Sequence[Grid], threads: int) -> list[Cell]:
    """Returns the cells of a study, each once.

    The method dense has one sparsity, 0, and so has a granularity of N:M its own; options that a method does not use
    make no cells of their own.

    Raises:
        InputError: if a combination is not allowed, or there is none.
    """
    COUNT.check("threads_per_job", threads)
    found: dict[str, Cell] = {}
    varied = _varied(grids)
    for options in (each for grid in grids for each in grid.combinations()):
        try:
            cell = _cell(options, varied, threads)
        except InputError as error:
            told = ", ".join(f"{name} {written(options.get(name))}" for name in varied)
            raise InputError(f"{error} (for {told})" if told else str(error)) from error
        found.setdefault(cell.name, cell)
    if not found:
        raise InputError("the study has no cells; give --methods, --sparsities and --seeds at least one value each")
    return list(found.values())


def _varied(grids: Sequence[Grid]) -> tuple[str, ...]:
    """Returns the names of the axes that take more than one value over all grids."""
    names = dict.fromkeys(name for grid in grids for name in grid.axes)
    values = {name: {str(value) for grid in grids for value in grid.axes.get(name, ())} for name in names}
    return tuple(name for name in names if len(values[name]) > 1)


def _cell(options: Mapping[str, Any], varied: tuple[str, ...], threads: int) -> Cell:
    names = {entry.name for entry in fields(InputArguments)}
    inputs = InputArguments(**{name: value for name, value in options.items() if name in names})
    own = {name: value for name, value in options.items() if name not in names}
    if own.get("method") == "dense":  # which removes nothing, by whatever unit
        own |= {"sparsities": [0.0], "granularity": "weight"}
    own["sparsities"] = _sparsities(own)
    if own.get("train_batch_size") is None:
        own["train_batch_size"] = _batch_size(inputs.dataset_name)
    args = VPNsTrainingArguments(**own)
    _check_passes(args)
    return Cell(inputs, args, varied, threads)


@cache
def _batch_size(dataset_name: str) -> int:
    """Returns that of a data set where none is asked for."""
    return VPNsTrainingArguments().for_dataset(find_spec(dataset_name)).train_batch_size


def _sparsities(options: Mapping[str, Any]) -> list[float] | None:
    """Returns the one sparsity of a cell; None where the granularity says it."""
    only = Granularity.named(options.get("granularity", "weight")).sparsity
    asked = options.get("sparsities")
    return asked if only is None or asked is None else [only]


def _check_passes(args: VPNsTrainingArguments) -> None:
    """Raises InputError where the passes that are asked for are too few for the method."""
    METHODS[args.method].stages(args, Task(args.sparsities[0], images=MANY, classes=2, steps=1))
