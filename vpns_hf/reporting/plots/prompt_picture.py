"""The visual prompt as a picture, with the scale its colours stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# The scale is the same for every prompt, so that any two pictures can be compared: full colour is a change of 255 grey
# levels, and each halving of a change takes away as much, down to one level, since prompts of 2 levels and of 100 occur.
FULL = 255
TICKS = (-255, -64, -16, -4, 0, 4, 16, 64, 255)


def prompt_figure(image: npt.ArrayLike, title: str = "Visual prompt") -> Figure:
    """Returns the prompt in its colours (left), around mid-grey, and its mean over the channels (right), on a fixed scale.

    Args:
        image: what the prompt adds to each pixel, shape (3, O, O), values in [-1, 1] where pixels are in [0, 1].
        title: above the pictures.

    Raises:
        ValueError: the shape is not (3, O, O).
    """
    change = np.asarray(image, dtype=np.float64)
    if change.ndim != 3 or change.shape[0] != 3:
        raise ValueError(f"a prompt picture has the shape (3, height, width), got {change.shape}")
    figure = new_figure(8.4, 4.0)
    colour_axes, mean_axes = figure.subplots(1, 2)
    _draw_colours(colour_axes, change)
    _draw_mean(figure, mean_axes, change.mean(axis=0))
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    return figure


def _strength(change: np.ndarray) -> np.ndarray:
    """Returns how strong the colour of a change is, in [-1, 1]: the logarithm of its grey levels, straight below one."""
    return np.sign(change) * np.minimum(np.log1p(FULL * np.abs(change)) / np.log1p(FULL), 1.0)


def _draw_colours(axes: Axes, change: np.ndarray) -> None:
    picture = 0.5 + 0.5 * _strength(change)
    axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest", vmin=0, vmax=1)
    largest = f"largest change {FULL * np.abs(change).max():.3g} of {FULL} grey levels"
    _frame(axes, f"red, green, blue\n{largest}" if change.any() else "no change anywhere")


def _draw_mean(figure: Figure, axes: Axes, mean: np.ndarray) -> None:
    picture = axes.imshow(_strength(mean), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    _frame(axes, "mean of the channels")
    bar = figure.colorbar(picture, ax=axes, shrink=0.9, label=f"change in grey levels of {FULL}, logarithmic")
    bar.set_ticks(_strength(np.array(TICKS) / FULL), labels=[f"{tick:+d}" if tick else "0" for tick in TICKS])


def _frame(axes: Axes, caption: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption)
