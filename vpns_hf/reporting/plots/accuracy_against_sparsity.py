"""Accuracy against sparsity: a line per view, the dense model as a dashed line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...utils.public_names import public_name
from ..numbers import percent
from ..results import Results
from .style import DENSE, PLAIN, PROMPTED, new_figure, plain_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def accuracy_figure(results: Results) -> Figure:
    """Returns Top-1 accuracy in % over achieved sparsity in %, for the runs of one method."""
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    runs = sorted(results.runs, key=lambda run: run.sparsity)
    sparsities = [run.sparsity for run in runs]
    prompted = {"color": PROMPTED, "marker": "o", "linestyle": "-", "label": "with the prompt"}
    plain = {"color": PLAIN, "marker": "s", "linestyle": "--", "label": "without the prompt"}
    _draw_view(axes, sparsities, [run.accuracy.prompted for run in runs], prompted)
    _draw_view(axes, sparsities, [run.accuracy.plain for run in runs], plain)
    if results.dense.accuracy is not None:
        label = f"dense model ({percent(results.dense.accuracy)})"
        axes.axhline(100 * results.dense.accuracy, color=DENSE, linestyle=":", linewidth=1.4, label=label)
    _label(axes, results)
    return figure


def _draw_view(
    axes: Axes, sparsities: Sequence[float], accuracies: Sequence[float | None], look: Mapping[str, str]
) -> None:
    measured = [(100 * s, 100 * a) for s, a in zip(sparsities, accuracies, strict=True) if a is not None]
    if measured:
        axes.plot(*zip(*measured, strict=True), markersize=5.5, linewidth=1.8, **look)


def _label(axes: Axes, results: Results) -> None:
    plain_frame(axes)
    splits = ", ".join(sorted({run.split for run in results.runs}))
    axes.set_xlabel("Sparsity (% of prunable weights removed)")
    axes.set_ylabel(f"Top-1 accuracy, {splits} split (%)")
    axes.set_title(_title(results), loc="left", fontweight="bold")
    axes.margins(x=0.06, y=0.15)
    axes.legend(frameon=False)


def _title(results: Results) -> str:
    methods = ", ".join(dict.fromkeys(run.method for run in results.runs))
    model, dataset = (name and public_name(name) for name in (results.model, results.dataset))
    return methods + (f": {model}" if model else "") + (f" on {dataset}" if dataset else "")
