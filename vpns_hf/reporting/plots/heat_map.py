"""Fractions in rows and columns, as shades with their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_map(rows: Mapping[str, Sequence[float | None]], columns: Sequence[str], label: str) -> Figure:
    """Returns fractions in percent, one shade each; a place without one stays white.

    Args:
        rows: {what a row is: fractions in [0, 1], one per column}.
        columns: what the columns are.
        label: of the scale.
    """
    values = 100 * np.array([[np.nan if one is None else one for one in row] for row in rows.values()])
    figure = new_figure(3.6 + 1.1 * len(columns), 1.2 + 0.42 * len(rows))
    axes = figure.add_subplot()
    shades = axes.imshow(values, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=20, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.spines[:].set_visible(False)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2 if np.isfinite(values).any() else 0
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour, fontsize="small")
    figure.colorbar(shades, label=label)
    return figure
