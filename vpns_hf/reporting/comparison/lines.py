"""Runs put in order: a setting is a model on a data set, a line in it what differs in its seeds and sparsities alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..numbers import short_percent
from .compared_run import ComparedRun
from .options import SETTING, WITHIN_A_LINE, option_differences, shown
from .statistics import Spread


@dataclass(frozen=True)
class Cell:
    """One line at one sparsity.

    Attributes:
        label: of the line.
        sparsity: that was asked for.
        runs: {seed: run}, in the order of the seeds; at least one.
    """

    label: str
    sparsity: float
    runs: dict[int, ComparedRun]

    @property
    def accuracies(self) -> dict[int, float]:
        """{seed: top-1 in [0, 1]}, in the view that each saved model takes by default."""
        return {seed: run.accuracy for seed, run in self.runs.items()}

    @property
    def accuracy(self) -> Spread:
        """Mean and deviation of them."""
        return Spread.of(list(self.accuracies.values()))

    @property
    def passes(self) -> list[float | None]:
        """Over the training images, of each run; None where not recorded."""
        return [run.passes for run in self.runs.values()]

    def with_seeds(self, seeds: Sequence[int]) -> Cell:
        """Returns the same with these of its seeds."""
        return Cell(self.label, self.sparsity, {seed: self.runs[seed] for seed in seeds})

    @property
    def name(self) -> str:
        """The line and the sparsity, in words."""
        return f"{self.label} at {short_percent(self.sparsity)}"


@dataclass(frozen=True)
class Line:
    """What is told apart by everything but seed and sparsity.

    Attributes:
        label: in words, such as "vpns, visual_prompt none".
        axes: {name: value} that tell it from others of its setting.
        cells: by the sparsity that was asked for, ascending.
    """

    label: str
    axes: dict[str, str]
    cells: dict[float, Cell]

    @property
    def runs(self) -> list[ComparedRun]:
        """Of all cells."""
        return [run for cell in self.cells.values() for run in cell.runs.values()]

    @property
    def seeds(self) -> list[int]:
        """Of all cells, each once, ascending."""
        return sorted({seed for cell in self.cells.values() for seed in cell.runs})


@dataclass(frozen=True)
class Setting:
    """The lines of one model on one data set.

    Attributes:
        model, dataset: as they are called; empty if not recorded.
        lines: in the order they came.
    """

    model: str
    dataset: str
    lines: list[Line]

    @property
    def title(self) -> str:
        """Both in words; empty if neither is recorded."""
        return " on ".join(name for name in (self.model, self.dataset) if name)

    @property
    def sparsities(self) -> list[float]:
        """Of all lines, each once, ascending."""
        return sorted({sparsity for line in self.lines for sparsity in line.cells})

    @property
    def runs(self) -> list[ComparedRun]:
        """Of all lines."""
        return [run for line in self.lines for run in line.runs]

    def column(self, sparsity: float) -> list[Cell]:
        """Returns the cells of one sparsity, of the lines that have one."""
        return [line.cells[sparsity] for line in self.lines if sparsity in line.cells]


def settings_of(runs: Sequence[ComparedRun]) -> list[Setting]:
    """Returns the runs in order; those without an accuracy are left out.

    Raises:
        InputError: if there are none, or two are the same but for their folders.
    """
    by_setting: dict[tuple[str, str], list[ComparedRun]] = {}
    for run in runs:
        if run.accuracy is not None:
            model, dataset = (str(run.options.get(name) or run.axes.get(name) or "") for name in SETTING)
            by_setting.setdefault((model, dataset), []).append(run)
    if not by_setting:
        raise InputError("there is no run with an accuracy to compare; give finished jobs")
    return [Setting(*names, _lines(members)) for names, members in by_setting.items()]


def _lines(runs: Sequence[ComparedRun]) -> list[Line]:
    options = list(option_differences(runs))
    by_axes: dict[tuple[tuple[str, str], ...], list[ComparedRun]] = {}
    for run in runs:
        by_axes.setdefault(tuple(_axes(run, options).items()), []).append(run)
    names = dict.fromkeys(name for key in by_axes for name, _ in key)
    varying = [name for name in names if len({dict(key).get(name) for key in by_axes}) > 1]
    told = {key: {name: value for name, value in key if name in ("method", *varying)} for key in by_axes}
    labels = {key: _label(axes) for key, axes in told.items()}
    return [Line(labels[key], told[key], _cells(labels[key], members)) for key, members in by_axes.items()]


def _axes(run: ComparedRun, options: Sequence[str]) -> dict[str, str]:
    """Returns {name: value} of what tells the line of a run: the axes it was given, and options that differ as well."""
    given = {name: value for name, value in run.axes.items() if name not in (*SETTING, *WITHIN_A_LINE)}
    own = {name: shown(run.options[name]) for name in options if name in run.options}
    return {**own, **given, "method": run.result.method}


def _label(axes: dict[str, str]) -> str:
    return ", ".join([axes["method"], *(f"{name} {value}" for name, value in axes.items() if name != "method")])


def _cells(label: str, runs: Sequence[ComparedRun]) -> dict[float, Cell]:
    cells: dict[float, dict[int, ComparedRun]] = {}
    for run in sorted(runs, key=lambda run: (run.result.sparsity_requested, run.result.seed)):
        seeds = cells.setdefault(run.result.sparsity_requested, {})
        twin = seeds.setdefault(run.result.seed, run)
        if twin is not run:
            raise InputError(
                f"{twin.folder} and {run.folder} both hold {label} at {short_percent(run.result.sparsity_requested)} sparsity "
                f"with seed {run.result.seed}; give one of them"
            )
    return {sparsity: Cell(label, sparsity, seeds) for sparsity, seeds in cells.items()}
