"""Density by layer, a column for each method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....utils.text import without_shared_head
from ...numbers import short_percent
from ...plots.style import PLAIN, new_figure
from ..lines import Cell, Setting
from .looks import room_for, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST = 1e-3  # what is below has the colour of it
LIGHT = 0.08  # what is above is dark


def density_figure(setting: Setting, sparsity: float) -> Figure:
    """Returns the kept share of each layer (rows) in each line (columns) at a sparsity, mean over seeds; empty layers stand out."""
    column = [cell for cell in setting.column(sparsity) if all(run.result.layers for run in cell.runs.values())]
    layers = list(
        dict.fromkeys(layer.name for cell in column for run in cell.runs.values() for layer in run.result.layers)
    )
    labels = [wrapped(cell.label) for cell in column]
    names = without_shared_head(layers)
    figure = new_figure(2 + room_for(names) + 0.62 * len(column), 1.4 + room_for(labels) + 0.21 * len(layers))
    axes = figure.add_subplot()
    densities = np.array([[_density(cell, layer) for cell in column] for layer in layers])
    _draw(figure, axes, densities)
    for (row, place), density in np.ndenumerate(densities):
        _write(axes, place, row, density, _is_emptied(column[place], layers[row]))
    _label(axes, names, labels)
    axes.set_title(
        f"{setting.title}\nDensity by layer at {short_percent(sparsity)} sparsity",
        loc="left",
        fontweight="bold",
        fontsize="medium",
    )
    return figure


def _density(cell: Cell, name: str) -> float:
    """Returns the mean over seeds; NaN where there is no such layer."""
    found = [layer.density for run in cell.runs.values() for layer in run.result.layers if layer.name == name]
    return float(np.mean(found)) if found else float("nan")


def _is_emptied(cell: Cell, name: str) -> bool:
    return any(layer.nonzero == 0 for run in cell.runs.values() for layer in run.result.layers if layer.name == name)


def _draw(figure: Figure, axes: Axes, densities: np.ndarray) -> None:
    from matplotlib.colors import LogNorm

    shown = np.clip(100 * densities, 100 * LEAST, 100)
    picture = axes.imshow(shown, cmap="Blues", norm=LogNorm(100 * LEAST, 100), aspect="auto", interpolation="nearest")
    bar = figure.colorbar(picture, ax=axes)
    bar.set_label("weights kept (% of the layer's)\nframed: none with one seed at least", fontsize="small")
    bar.set_ticks([0.1, 1, 10, 100], labels=["≤0.1", "1", "10", "100"])


def _write(axes: Axes, x: int, y: int, density: float, is_emptied: bool) -> None:
    if np.isnan(density):
        return
    text = f"{100 * density:.3g}" if density >= LEAST else f"{100 * density:.2f}"
    weight = "bold" if is_emptied else "normal"
    colour = "white" if density > LIGHT else "black"
    axes.text(x, y, text, ha="center", va="center", fontsize="xx-small", color=colour, fontweight=weight)
    if is_emptied:
        _draw_frame(axes, x, y)


def _draw_frame(axes: Axes, x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=PLAIN, linewidth=1.8))


def _label(axes: Axes, names: Sequence[str], labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize="x-small")
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize="small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
