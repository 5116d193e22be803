"""What all plots share: colours, resolution, a plain frame."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which stays distinct for colour-blind readers.
PROMPTED = "#0072b2"
PLAIN = "#d55e00"
DENSE = "#555555"
QUIET = "#8a8a8a"

DOTS_PER_INCH = 150


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of the given size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def plain_frame(axes: Axes) -> None:
    """Leaves only the left and lower line of the frame, and a light horizontal grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)


def save_png(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes the figure as PNG; its folder is made if it is not there."""
    _save(figure, path, format="png")


def save_pdf(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes the figure as PDF, the same bytes each time, with letters that journals take; its folder is made if need be."""
    from matplotlib import rc_context

    with rc_context({"pdf.fonttype": 42}):
        _save(figure, path, format="pdf", metadata={"CreationDate": None})


def _save(figure: Figure, path: str | os.PathLike[str], **how: Any) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The font has no Chinese, Japanese or Korean letters, say; the names in the tables are whole.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        figure.savefig(path, **how)
