"""The visual prompt as a picture, with the scale its colours stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Full colour stands for the first of these that the largest change of a pixel does not exceed, so that a prompt that
# changes next to nothing looks like it.
FULL_COLOUR = tuple(levels / 255 for levels in (32, 64, 128, 255))


def prompt_figure(image: npt.ArrayLike, title: str = "Visual prompt", largest: float = 0.0) -> Figure:
    """Returns the prompt in its colours (left), around mid-grey, and its mean over the channels (right), on one scale.

    Args:
        image: what the prompt adds to each pixel, shape (3, O, O), values in [-1, 1] where pixels are in [0, 1].
        title: above the pictures.
        largest: change of those that this picture is to be compared with, which have the scale of the largest of all.

    Raises:
        ValueError: the shape is not (3, O, O).
    """
    change = np.asarray(image, dtype=np.float64)
    if change.ndim != 3 or change.shape[0] != 3:
        raise ValueError(f"a prompt picture has the shape (3, height, width), got {change.shape}")
    figure = new_figure(8.4, 4.0)
    colour_axes, mean_axes = figure.subplots(1, 2)
    largest = max(largest, largest_change(change))
    scale = next((full for full in FULL_COLOUR if largest <= full), largest)
    _draw_colours(colour_axes, change, scale)
    _draw_mean(figure, mean_axes, change.mean(axis=0), scale)
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    return figure


def largest_change(image: npt.ArrayLike) -> float:
    """Returns the largest change of a pixel in one channel, up or down, where pixels are in [0, 1]."""
    return float(np.abs(np.asarray(image)).max())


def _draw_colours(axes: Axes, change: np.ndarray, scale: float) -> None:
    picture = 0.5 + 0.5 * change / scale
    axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest", vmin=0, vmax=1)
    largest = f"largest change {_levels(largest_change(change))} of 255 grey levels"
    caption = f"red, green, blue; full colour is ±{_levels(scale)}\n{largest}"
    _frame(axes, caption if change.any() else "no change anywhere")


def _draw_mean(figure: Figure, axes: Axes, mean: np.ndarray, scale: float) -> None:
    picture = axes.imshow(255 * mean, cmap="RdBu_r", vmin=-255 * scale, vmax=255 * scale, interpolation="nearest")
    _frame(axes, "mean of the channels")
    figure.colorbar(picture, ax=axes, shrink=0.9, label="change in grey levels of 255")


def _levels(change: float) -> str:
    return f"{255 * change:.3g}"


def _frame(axes: Axes, caption: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption)
