"""A mask that is learned of units larger than a weight, or within a pattern."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models import VPNsForImageClassification
from .budget import Budget
from .learned_layers import start_scores
from .learned_mask import LearnedMask
from .units import UnitGroup, Units


class LearnedUnits(LearnedMask):
    """Keeps the masks of a model equal to what a budget keeps of its units, ranked by the magnitude of their scores.

    Args:
        model: whose layers must not change while the mask is learned.
        units: what one score decides on.
        budget: which stay.
        sparsity: the fraction of all weights to remove, in [0, 1).
        scores: those each group starts with, float32, shaped as the group says; their storage becomes the layer's.
        gone: as in `LearnedMask`, of units.
    """

    def __init__(
        self,
        model: VPNsForImageClassification,
        units: Units,
        budget: Budget,
        sparsity: float,
        scores: Sequence[Tensor],
        gone: Sequence[Tensor] = (),
    ) -> None:
        super().__init__(model.masked_layers(), gone)
        for layer, start in zip(self.layers, scores, strict=True):
            start_scores(layer, start)
        self._model, self._units, self._budget, self._sparsity = model, units, budget, sparsity
        self._groups: list[UnitGroup] = units.groups(model)

    @torch.no_grad()
    def update(self) -> None:
        kept = self._kept_by(self._budget, self._groups, self._sparsity)
        for mask, found in zip(self.masks, self._units.masks(kept, self._model).values(), strict=True):
            mask.copy_(found)
        self.follow_weights()
