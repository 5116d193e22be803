"""Accuracy against sparsity: a line per view, the dense model as a dashed line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...utils.public_names import public_name
from ..numbers import count, interval, passes, percent, short_percent
from ..results import Results, RunResult
from .style import DENSE, PLAIN, PROMPTED, new_figure, plain_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLOSE = 0.005


def accuracy_figure(results: Results) -> Figure:
    """Returns Top-1 accuracy in % over achieved sparsity in %, for the runs of one method, beside the dense model.

    Where the number of test images is recorded, bars show the 95% interval that counting over so many leaves open.
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    ordered = replace(results, runs=sorted(results.runs, key=lambda run: run.sparsity))
    cost = passes([run.passes and run.passes.total for run in results.runs])
    views = {
        "prompted": {"color": PROMPTED, "marker": "o", "linestyle": "-", "label": _with("with the prompt", cost)},
        "plain": {
            "color": PLAIN,
            "marker": "s",
            "markerfacecolor": "none",
            "linestyle": "--",
            "label": _with("without the prompt", cost),
        },
    }
    for view, look in views.items():
        _draw(axes, ordered, [getattr(run.accuracy, view) for run in ordered.runs], look)
    _draw_dense(axes, ordered)
    _label(axes, ordered)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")  # clear of the bars
    return figure


def _draw(axes: Axes, results: Results, accuracies: Sequence[float | None], look: Mapping[str, Any]) -> None:
    measured = [
        (run.sparsity, value) for run, value in zip(results.runs, accuracies, strict=True) if value is not None
    ]
    if not measured:
        return
    x, y = ([100 * value for value in column] for column in zip(*measured, strict=True))
    axes.plot(x, y, markersize=5.5, linewidth=1.8, **look)
    if results.test_images:
        ends = [interval(value, results.test_images) for _, value in measured]
        bars = [
            [100 * abs(value - end[side]) for (_, value), end in zip(measured, ends, strict=True)] for side in (0, 1)
        ]
        axes.errorbar(x, y, yerr=bars, fmt="none", ecolor=look["color"], elinewidth=1.0, capsize=3)


def _draw_dense(axes: Axes, results: Results) -> None:
    """A line at the dense model's accuracy; its own at each sparsity where these are compared with several."""
    references = [results.reference_of(run) for run in results.runs]
    accuracies = [dense.accuracy for dense in references]
    cost = passes([dense.passes for dense in references])
    look = {"color": DENSE, "linestyle": ":"}
    if len(set(accuracies)) > 1:
        _draw(axes, results, accuracies, {**look, "marker": "d", "label": _with("dense model", cost)})
    elif accuracies and accuracies[0] is not None:
        label = _with(f"dense model ({percent(accuracies[0])})", cost)
        axes.axhline(100 * accuracies[0], linewidth=1.4, label=label, **look)


def _with(name: str, cost: str) -> str:
    return f"{name}, {cost}" if cost else name


def _label(axes: Axes, results: Results) -> None:
    plain_frame(axes)
    splits = ", ".join(sorted({run.split for run in results.runs}))
    axes.set_xlabel(f"Sparsity (% of prunable weights removed){_caption(results)}")
    places = {100 * run.sparsity: short_percent(_told(run)).removesuffix("%") for run in results.runs}
    axes.set_xticks(list(places), list(places.values()))
    axes.set_ylabel(f"Top-1 accuracy, {splits} split (%)")
    axes.set_title(_title(results), loc="left", fontweight="bold")
    axes.margins(x=0.06, y=0.15)


def _told(run: RunResult) -> float:
    """Returns the sparsity asked for where it is that of the weights, which it is not where it counts channels."""
    asked = run.sparsity_requested
    return asked if abs(run.sparsity - asked) < CLOSE else round(run.sparsity, 3)


def _caption(results: Results) -> str:
    if not results.test_images:
        return ""
    return f"\n{count(results.test_images)} test images; bars: 95% binomial confidence intervals"


def _title(results: Results) -> str:
    methods = ", ".join(dict.fromkeys(run.method for run in results.runs))
    model, dataset = (name and public_name(name) for name in (results.model, results.dataset))
    return methods + (f": {model}" if model else "") + (f" on {dataset}" if dataset else "")
