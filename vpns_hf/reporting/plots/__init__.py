"""Plots of a job's results. Each has a function that builds the figure and one that saves it as a PNG file.

Matplotlib is imported when the first figure is built; the figures are their own, without any state of pyplot.
"""

from __future__ import annotations

from .accuracy_against_sparsity import accuracy_figure, plot_accuracy_against_sparsity
from .density_by_layer import density_figure, plot_density_by_layer
from .prompt_picture import plot_prompt, prompt_figure
from .training_curves import plot_training_curves, training_figure

__all__ = [
    "accuracy_figure",
    "density_figure",
    "plot_accuracy_against_sparsity",
    "plot_density_by_layer",
    "plot_prompt",
    "plot_training_curves",
    "prompt_figure",
    "training_figure",
]
