"""Training curves: loss and validation accuracy of every epoch, a row of plots per sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ..numbers import short_percent
from ..records import EpochRecord, ViewAccuracy
from ..results import Results, RunResult
from .style import DENSE, PLAIN, PROMPTED, QUIET, new_figure, plain_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_figure(results: Results) -> Figure:
    """Loss (left) and validation accuracy in % (right) over the epochs of all stages, a row per run.

    A vertical line stands between two stages; a ring marks the epoch whose weights were saved.
    """
    runs = results.runs
    figure = new_figure(9.0, 0.6 + 2.3 * max(1, len(runs)))
    grid = figure.subplots(max(1, len(runs)), 2, sharex=True, sharey="col", squeeze=False)
    for (loss_axes, accuracy_axes), run in zip(grid, runs, strict=False):
        _draw_loss(loss_axes, run)
        _draw_validation(accuracy_axes, run)
    for axes in grid.flat:
        plain_frame(axes)
    _label(figure, grid)
    return figure


def _draw_loss(axes: Axes, run: RunResult) -> None:
    losses = [record.loss for record in run.history]
    _draw_line(axes, [loss.prompted for loss in losses], PROMPTED, "-", "with the prompt")
    _draw_line(axes, [loss.plain for loss in losses], PLAIN, "--", "without the prompt")
    _draw_stages(axes, run.history)
    axes.set_ylabel(f"{short_percent(run.sparsity_requested)} sparsity", fontweight="bold")


def _draw_validation(axes: Axes, run: RunResult) -> None:
    accuracies = [record.validation or ViewAccuracy() for record in run.history]
    prompted = [_in_percent(accuracy.prompted) for accuracy in accuracies]
    plain = [_in_percent(accuracy.plain) for accuracy in accuracies]
    _draw_line(axes, prompted, PROMPTED, "-", "with the prompt")
    _draw_line(axes, plain, PLAIN, "--", "without the prompt")
    _draw_stages(axes, run.history)
    _mark_saved_epoch(axes, run, prompted if run.prompt_at_inference else plain)


def _draw_line(axes: Axes, values: Sequence[float | None], color: str, style: str, label: str) -> None:
    points = [(epoch, value) for epoch, value in enumerate(values, start=1) if value is not None]
    if points:
        marker = {"marker": ".", "markersize": 6 if len(points) <= 20 else 0}
        axes.plot(*zip(*points, strict=True), color=color, linestyle=style, linewidth=1.6, label=label, **marker)


def _draw_stages(axes: Axes, history: Sequence[EpochRecord]) -> None:
    for place, record in enumerate(history):
        if record.epoch == 1 and place > 0:
            axes.axvline(place + 0.5, color=QUIET, linestyle=":", linewidth=1.0)
    start = 0.5
    for stage, records in groupby(record.stage for record in history):
        end = start + len(list(records))
        position = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
        axes.text((start + end) / 2, 1.01, stage.replace("_", " "), color=QUIET, fontsize="small", **position)
        start = end


def _mark_saved_epoch(axes: Axes, run: RunResult, values: Sequence[float | None]) -> None:
    # The last epoch of that number: earlier stages count their epochs from 1 as well.
    places = [place for place, record in enumerate(run.history) if record.epoch == run.epoch]
    if places and values[places[-1]] is not None:
        ring = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none", "color": DENSE}
        axes.plot([places[-1] + 1], [values[places[-1]]], label="saved model", **ring)


def _in_percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def _label(figure: Figure, grid: Sequence[Sequence[Axes]]) -> None:
    from matplotlib.ticker import MaxNLocator

    for axes, title in zip(grid[0], ("Training loss", "Validation accuracy (%)"), strict=True):
        axes.set_title(title, loc="left", fontweight="bold", pad=18)
    for axes in grid[-1]:
        axes.set_xlabel("Epoch, all stages")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_legend(figure, grid[0])


def _draw_legend(figure: Figure, row: Sequence[Axes]) -> None:
    entries = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in row]
    by_label = {label: handle for entry in entries for handle, label in entry}
    if by_label:
        place = {"loc": "outside lower center", "ncols": len(by_label), "frameon": False}
        figure.legend(by_label.values(), by_label.keys(), **place)
