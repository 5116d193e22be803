"""Pictures of a comparison, each as PNG and PDF."""

from __future__ import annotations

from .accuracy_against_cost import COSTS, Cost, Point, cost_figure, front, is_known
from .accuracy_against_sparsity import sparsity_figure
from .density_across_lines import density_figure
from .mask_agreement import agreement_figure

__all__ = [
    "COSTS",
    "Cost",
    "Point",
    "agreement_figure",
    "cost_figure",
    "density_figure",
    "front",
    "is_known",
    "sparsity_figure",
]
