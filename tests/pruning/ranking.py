"""What stays of scores, by the path that every budget and all units can take."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vpns_hf.pruning import Budget, Global, UnitGroup


def groups_of(scores: Sequence[Tensor]) -> list[UnitGroup]:
    """A layer each."""
    return [UnitGroup(str(index), tuple(layer.shape)) for index, layer in enumerate(scores)]


def masks_of(budget: Budget, scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """What stays of weights that are ranked by magnitude."""
    return budget.keep([layer.abs() for layer in scores], groups_of(scores), sparsity)


def global_masks(scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """What stays when all layers are ranked together."""
    return masks_of(Global(), scores, sparsity)
