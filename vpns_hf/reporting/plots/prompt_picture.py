"""The visual prompt as a picture, with the scale its colours stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def prompt_figure(image: npt.ArrayLike, title: str = "Visual prompt") -> Figure:
    """Returns the prompt in its colours (left), stretched around mid-grey, and its mean over the channels (right).

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


def _draw_colours(axes: Axes, change: np.ndarray) -> None:
    scale = float(np.abs(change).max())
    picture = 0.5 + 0.5 * change / (scale or 1.0)
    axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest", vmin=0, vmax=1)
    caption = f"red, green, blue; full colour is ±{scale:.3g}" if scale else "no change anywhere"
    _frame(axes, caption)


def _draw_mean(figure: Figure, axes: Axes, mean: np.ndarray) -> None:
    scale = float(np.abs(mean).max()) or 1.0
    picture = axes.imshow(mean, cmap="RdBu_r", vmin=-scale, vmax=scale, interpolation="nearest")
    _frame(axes, "mean of the channels")
    figure.colorbar(picture, ax=axes, shrink=0.9, label="change of a pixel in [0, 1]")


def _frame(axes: Axes, caption: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption)
