"""What a weight is ranked by: a criterion gives one score per prunable unit of a layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...models.masked_layers import MaskedLayer
from .scaled_weight import scaled_weight

Criterion = Callable[[MaskedLayer], Tensor]
CRITERIA: dict[str, Criterion] = {"scaled_weight": scaled_weight}

__all__ = [
    "CRITERIA",
    "Criterion",
    "scaled_weight",
]
