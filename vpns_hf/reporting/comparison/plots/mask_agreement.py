"""Agreement of masks between methods and seeds, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numbers import short_percent
from ...plots.style import new_figure
from ..agreement import Agreement
from .looks import room_for, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def agreement_figure(agreement: Agreement, title: str) -> Figure:
    """Returns the intersection over union of every two masks, in %.

    Args:
        agreement: at one sparsity.
        title: of model and data.
    """
    names = list(map(wrapped, agreement.names))
    side = 1 + room_for(names) + 0.3 * len(names)
    figure = new_figure(max(6.0, side + 1.4), max(4.6, side + 0.6))
    axes = figure.add_subplot()
    picture = axes.imshow(100 * agreement.shares, cmap="viridis", vmin=0, vmax=100, interpolation="nearest")
    for (row, column), share in np.ndenumerate(agreement.shares):
        colour = "white" if share < 0.6 else "black"
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize="xx-small", color=colour)
    told = (
        f"kept by both, of what one of them keeps (%)\nindependent within each layer: {100 * agreement.by_chance:.1f}%"
    )
    figure.colorbar(picture, ax=axes).set_label(told, fontsize="small")
    _label(axes, names)
    heading = f"{title}\nAgreement of masks at {short_percent(agreement.sparsity)} sparsity"
    axes.set_title(heading, loc="left", fontweight="bold", fontsize="medium")
    return figure


def _label(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize="x-small")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize="x-small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
