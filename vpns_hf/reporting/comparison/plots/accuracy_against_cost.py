"""Accuracy against what a model costs to keep and to run, with the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...numbers import passes
from ...plots.style import DENSE, QUIET, plain_frame
from ...records import CostRecord
from ..comparable import comparable_cells, obstacles_at_a_cost, obstacles_of_pairs
from ..compared_run import ComparedRun
from ..lines import Cell, Line, Setting
from ..ranking import rank
from ..statistics import Spread
from .accuracy_against_sparsity import HOLLOW, draw_legend, label_of, scales_of, wide_figure
from .looks import looks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cost:
    """Something of a model that should be small.

    Attributes:
        title: below the axis, with the unit.
        of: a run's; None if not known.
        dense: the same of the stock network.
        unit: how many of what it is counted in make one on the axis.
        conditions: what has to be the same where it is measured; None of what is counted.
    """

    title: str
    of: Callable[[ComparedRun], float | None]
    dense: Callable[[ComparedRun], float | None]
    unit: float = 1.0
    conditions: Callable[[ComparedRun], Any] = lambda run: None


COSTS = {
    "bytes": Cost("Saved weights (MB)", lambda run: run.size, lambda run: run.result.cost.dense_bytes, 1e6),
    "macs": Cost(
        "Multiplications with a kept weight, for one picture (millions)\nhardware that multiplies zeros as well gains nothing",
        lambda run: run.result.cost.macs_nonzero,
        lambda run: run.result.cost.macs,
        1e6,
    ),
    "latency": Cost(
        "Latency over that of the dense network, the fastest of many runs in turn\nweights that are zero are multiplied like others",
        lambda run: _relative_latency(run.result.cost),
        lambda run: 1.0,
        conditions=lambda run: (run.result.cost.device, run.result.cost.dtype, run.result.cost.batch_size),
    ),
}


def _relative_latency(cost: CostRecord) -> float | None:
    """Jobs run at different times, on a machine that is more or less busy: milliseconds of two of them tell nothing."""
    return cost.milliseconds / cost.dense_milliseconds if cost.milliseconds and cost.dense_milliseconds else None


@dataclass(frozen=True)
class Point:
    """A mean accuracy in % at a mean cost."""

    cost: float
    accuracy: float


def is_known(cost: Cost, setting: Setting) -> bool:
    """Returns whether every run has the cost, all under the same conditions."""
    conditions = {cost.conditions(run) for run in setting.runs}
    return len(conditions) == 1 and all(cost.of(run) for run in setting.runs)


def front(points: Sequence[Point]) -> list[Point]:
    """Returns those that no other is both cheaper, or as cheap, and more accurate than, from the cheapest on."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.accuracy)):
        if (
            not found or point.accuracy > found[-1].accuracy + 1e-9
        ):  # sums of the same numbers differ in their last bits
            found.append(point)
    return found


def cost_figure(setting: Setting, cost: Cost) -> Figure:
    """Returns mean accuracies in % over a cost, logarithmic, with bars of a standard deviation, and the front of all that may be ranked.

    Where they are far apart the best are drawn once more on the right, on a scale of their own.
    """
    scales = scales_of(setting)
    figure = wide_figure(setting, len(scales))
    all_axes = figure.subplots(1, len(scales), squeeze=False)[0]
    ranked = _ranked(setting)
    for axes, scale in zip(all_axes, scales, strict=True):
        _draw_all(axes, setting, cost, ranked)
        axes.set_ylim(*scale)
    all_axes[0].set_title(setting.title, loc="left", fontweight="bold")
    draw_legend(figure, all_axes[0])
    return figure


def _ranked(setting: Setting) -> list[Cell]:
    """Returns the cells of all sparsities that may be ranked with each other, so that one front goes through them."""
    columns = [setting.column(sparsity) for sparsity in setting.sparsities]
    cells = [
        cell for column in columns for cell in column if cell.label not in rank(column, obstacles_at_a_cost).apart
    ]
    return cells if len(cells) == 1 else comparable_cells(cells, obstacles_of_pairs)


def _draw_all(axes: Axes, setting: Setting, cost: Cost, ranked: Sequence[Cell]) -> None:
    runs = [run for cell in ranked for run in cell.runs.values()]
    points = _draw_dense(axes, runs or setting.runs, cost)
    for line, look in zip(setting.lines, looks_of(setting.lines), strict=True):
        _draw(axes, line, cost, look)
        _draw_apart(axes, [_point(cell, cost) for cell in line.cells.values() if cell not in ranked], look)
    if ranked:
        _draw_front(axes, front([*points, *(_point(cell, cost) for cell in ranked)]))
    _label(axes, setting, cost, len(ranked) < sum(len(line.cells) for line in setting.lines))


def _point(cell: Cell, cost: Cost) -> Point:
    return Point(Spread.of([cost.of(run) for run in cell.runs.values()]).mean / cost.unit, 100 * cell.accuracy.mean)


def _draw(axes: Axes, line: Line, cost: Cost, look: dict[str, Any]) -> None:
    points = [_point(cell, cost) for cell in line.cells.values()]
    x, y = [point.cost for point in points], [point.accuracy for point in points]
    bars = [100 * (cell.accuracy.deviation or 0.0) for cell in line.cells.values()]
    axes.plot(x, y, label=label_of(line), markersize=5, linewidth=0.8, **look)
    axes.errorbar(x, y, yerr=bars, fmt="none", ecolor=look["color"], elinewidth=0.8, alpha=0.5)


def _draw_apart(axes: Axes, points: Sequence[Point], look: dict[str, Any]) -> None:
    x, y = [point.cost for point in points], [point.accuracy for point in points]
    axes.plot(
        x, y, color=look["color"], marker=look["marker"], linestyle="none", markersize=5, markerfacecolor="white"
    )


def _draw_dense(axes: Axes, runs: Sequence[ComparedRun], cost: Cost) -> list[Point]:
    """Draws the dense models of runs as one point, and returns it; [] where they are not known."""
    known = [run for run in runs if run.reference.accuracy is not None and cost.dense(run)]
    if not known:
        return []
    accuracy = Spread.of([run.reference.accuracy for run in known]).mean
    point = Point(Spread.of([cost.dense(run) for run in known]).mean / cost.unit, 100 * accuracy)
    look = {"color": DENSE, "marker": "*", "markersize": 11, "linestyle": "none"}
    told = passes([run.reference.passes for run in known])
    axes.plot([point.cost], [point.accuracy], label=f"dense model, {told}" if told else "dense model", **look)
    return [point]


def _draw_front(axes: Axes, points: Sequence[Point]) -> None:
    x, y = [point.cost for point in points], [point.accuracy for point in points]
    axes.step(x, y, where="post", color=QUIET, linewidth=4, alpha=0.4, zorder=0, label="Pareto front of the means")


def _label(axes: Axes, setting: Setting, cost: Cost, has_apart: bool) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    plain_frame(axes)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"{cost.title}\n{HOLLOW}" if has_apart else cost.title)
    splits = ", ".join(sorted({run.result.split for run in setting.runs}))
    axes.set_ylabel(f"Top-1 accuracy, {splits} split (%)")
