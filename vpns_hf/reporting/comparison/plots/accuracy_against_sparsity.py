"""Accuracy against sparsity, a line for each method, with bands over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...numbers import passes, short_percent
from ...plots.style import DENSE, new_figure, plain_frame
from ..lines import Cell, Line, Setting
from ..ranking import rank
from .looks import looks_of, room_for, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLOSE = 10  # points below the best
TOP = 100.4  # room for half a marker above all that can be reached
DASHES = (":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 3)))
HOLLOW = "hollow: not to be ranked with the others, see the table"


def sparsity_figure(setting: Setting) -> Figure:
    """Returns mean accuracies in % over the sparsity asked for in %; bands are a standard deviation over seeds wide to each side.

    Runs that remove nothing, beside others that do, are lines across: their 0% would leave the others a corner. Where they are far apart the best are drawn once more on the right, on a scale of their own.
    """
    scales = scales_of(setting)
    figure = wide_figure(setting, len(scales))
    all_axes = figure.subplots(1, len(scales), squeeze=False)[0]
    apart = {sparsity: rank(setting.column(sparsity)).apart for sparsity in setting.sparsities}
    for axes, scale in zip(all_axes, scales, strict=True):
        for line, look in zip(setting.lines, looks_of(setting.lines), strict=True):
            _draw(axes, line, look, _shown(setting))
            hollow = [line.cells[sparsity] for sparsity in _shown(setting) if line.label in apart[sparsity]]
            _draw_apart(axes, hollow, look)
        _draw_dense(axes, setting)
        _label(axes, setting, any(apart.values()))
        axes.set_ylim(*scale)
    all_axes[0].set_title(setting.title, loc="left", fontweight="bold")
    draw_legend(figure, all_axes[0])
    return figure


def wide_figure(setting: Setting, axes: int) -> Figure:
    """Returns an empty figure for so many axes in a row, with room for the names of the lines on their right."""
    labels = [*map(label_of, setting.lines), "dense model, 1000 passes"]
    lines = sum(label.count("\n") + 1 for label in labels)
    return new_figure(0.8 + room_for(labels) + 4.8 * axes, max(4.8, 1 + 0.18 * lines))


def scales_of(setting: Setting) -> list[tuple[float, float]]:
    """Returns the ends of the axes of accuracies in %: of all, and, where means are far apart, of the best as well.

    All are the means with their deviations and the dense models.
    """
    cells = [cell for line in setting.lines for cell in line.cells.values()]
    spreads = [cell.accuracy for cell in cells]
    means = [100 * spread.mean for spread in spreads]
    dense = [100 * run.reference.accuracy for run in setting.runs if run.reference.accuracy is not None]
    deviations = [100 * (spread.deviation or 0.0) for spread in spreads]
    ends = [mean + sign * width for mean, width in zip(means, deviations, strict=True) for sign in (-1, 1)]
    low, high = min(*ends, *dense), max(*ends, *dense)
    most = max(100 * cell.accuracy.mean for cell in cells if cell.sparsity in _shown(setting))
    margin = max(1.0, 0.15 * (high - low))
    whole = max(0.0, low - margin), min(TOP, high + margin)
    best = most - CLOSE, min(TOP, min(high, most + CLOSE) + 2)
    return [whole, best] if most - min(means) > 2 * CLOSE else [whole]


def draw_legend(figure: Figure, axes: Axes) -> None:
    """Draws that of one of the axes on the right of all."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize="small")


def _shown(setting: Setting) -> list[float]:
    """Returns the sparsities of the axis: 0 is one of them only where nothing is removed at all."""
    return [sparsity for sparsity in setting.sparsities if sparsity] or setting.sparsities


def _draw(axes: Axes, line: Line, look: dict[str, Any], shown: Sequence[float]) -> None:
    cells = [cell for cell in line.cells.values() if cell.sparsity in shown]
    if not cells:
        [dense] = line.cells.values()
        axes.axhline(100 * dense.accuracy.mean, color=look["color"], linewidth=1.2, label=label_of(line))
        return
    x, y = [100 * cell.sparsity for cell in cells], [100 * cell.accuracy.mean for cell in cells]
    axes.plot(x, y, label=label_of(line), markersize=5, linewidth=1.6, **look)
    widths = [100 * (cell.accuracy.deviation or 0.0) for cell in cells]
    if any(widths) and len(x) == 1:
        axes.errorbar(x, y, yerr=widths, fmt="none", ecolor=look["color"], elinewidth=1.2, capsize=3)
    elif any(widths):
        ends = [[value + sign * width for value, width in zip(y, widths, strict=True)] for sign in (-1, 1)]
        axes.fill_between(x, *ends, color=look["color"], alpha=0.12, linewidth=0)


def _draw_apart(axes: Axes, cells: list[Cell], look: dict[str, Any]) -> None:
    x, y = [100 * cell.sparsity for cell in cells], [100 * cell.accuracy.mean for cell in cells]
    axes.plot(
        x, y, color=look["color"], marker=look["marker"], linestyle="none", markersize=5, markerfacecolor="white"
    )


def _draw_dense(axes: Axes, setting: Setting) -> None:
    """A line for each cost of the dense models."""
    by_passes: dict[float | None, dict[tuple[int, float], None]] = {}
    for run in setting.runs:
        if run.reference.accuracy is not None:
            of_seed = run.result.seed, run.reference.accuracy
            by_passes.setdefault(run.reference.passes, {})[of_seed] = None
    for style, (cost, found) in zip(DASHES, by_passes.items(), strict=False):
        mean = sum(accuracy for _, accuracy in found) / len(found)
        told = passes([cost])
        label = f"dense model, {told}" if told else "dense model"
        axes.axhline(100 * mean, color=DENSE, linestyle=style, linewidth=1.2, label=label)


def label_of(line: Line) -> str:
    """Returns a line in words, with its passes."""
    told = passes([run.passes for run in line.runs])
    return wrapped(f"{line.label} ({told})" if told else line.label)


def _label(axes: Axes, setting: Setting, has_apart: bool) -> None:
    plain_frame(axes)
    counted = {run.counted for run in setting.runs}
    caption = f"Sparsity asked for (% of {' or '.join(sorted(counted, reverse=True))} removed)\n{_seeds(setting)}"
    axes.set_xlabel(f"{caption}\n{HOLLOW}" if has_apart else caption)
    axes.set_xticks([100 * each for each in _shown(setting)], [short_percent(each)[:-1] for each in _shown(setting)])
    splits = ", ".join(sorted({run.result.split for run in setting.runs}))
    axes.set_ylabel(f"Top-1 accuracy, {splits} split (%)")
    axes.margins(x=0.04)


def _seeds(setting: Setting) -> str:
    numbers = sorted({len(line.seeds) for line in setting.lines})
    seeds = " to ".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))
    return "one seed" if numbers == [1] else f"means of {seeds} seeds; bands and bars: ± one standard deviation"
