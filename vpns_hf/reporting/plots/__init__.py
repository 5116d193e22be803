"""Plots of a job's results, each built as a figure, which `save_png` or `save_pdf` writes.

Matplotlib is imported when the first figure is built; the figures are their own, without any state of pyplot.
"""

from __future__ import annotations

from .accuracy_against_sparsity import accuracy_figure
from .density_by_layer import density_figure
from .heat_map import heat_map
from .prompt_picture import prompt_figure
from .style import new_figure, save_pdf, save_png
from .training_curves import training_figure

__all__ = [
    "accuracy_figure",
    "density_figure",
    "heat_map",
    "new_figure",
    "prompt_figure",
    "save_pdf",
    "save_png",
    "training_figure",
]
