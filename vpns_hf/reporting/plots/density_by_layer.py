"""Density by layer: how much of each layer is kept, as horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...utils.text import without_shared_head
from ..numbers import count
from ..records import LayerRecord
from .style import DENSE, PLAIN, PROMPTED, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def density_figure(layers: Sequence[LayerRecord], title: str = "Density by layer") -> Figure:
    """One bar per layer, first layer on top: the kept weights in % of the layer's; empty layers stand out in colour."""
    figure = new_figure(9.0, 1.3 + 0.21 * len(layers))
    axes = figure.add_subplot()
    axes.barh(range(len(layers)), [100 * layer.density for layer in layers], color=PROMPTED, height=0.72)
    for place, layer in enumerate(layers):
        _write_count(axes, place, layer)
    _draw_overall(axes, layers)
    _label(axes, layers, title)
    return figure


def _write_count(axes: Axes, place: int, layer: LayerRecord) -> None:
    is_empty = layer.nonzero == 0
    text = f"empty, 0 of {count(layer.total)}" if is_empty else f"{count(layer.nonzero)} of {count(layer.total)}"
    look = {"color": PLAIN, "fontweight": "bold"} if is_empty else {"color": DENSE}
    position = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
    axes.text(1.01, place, text, fontsize="x-small", **position, **look)


def _draw_overall(axes: Axes, layers: Sequence[LayerRecord]) -> None:
    density = 100 * sum(layer.nonzero for layer in layers) / sum(layer.total for layer in layers)
    axes.axvline(density, color=DENSE, linestyle="--", linewidth=1.2, label=f"all layers together: {density:.2f}%")


def _label(axes: Axes, layers: Sequence[LayerRecord], title: str) -> None:
    axes.set_yticks(range(len(layers)), without_shared_head([layer.name for layer in layers]), fontsize="x-small")
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlim(0, 10 * math.ceil(10 * max(layer.density for layer in layers)) or 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Density (% of the layer's weights kept)")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="small", borderaxespad=0)
