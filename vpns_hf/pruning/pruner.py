"""Masks from scores: for good, for a while, or to be learned from there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models import VPNsForImageClassification
from .budget import Budget, Global
from .criteria import Scores
from .learned_mask import LearnedMask
from .units import Units, Weights


@dataclass(frozen=True)
class Pruner:
    """Which units go.

    Attributes:
        units: what one entry of a mask removes.
        budget: how many stay, and where.
    """

    units: Units = field(default_factory=Weights)
    budget: Budget = field(default_factory=Global)

    @torch.no_grad()
    def apply(self, model: VPNsForImageClassification, scores: Scores, sparsity: float) -> None:
        """Masks the model, for good. What is masked already goes first and never comes back, whatever the sparsity.

        Raises:
            InputError: as `Budget.keep`.
        """
        masks, groups = model.masks(), self.units.groups(model)
        keys = {name: _below_others(key, ~masks[name]) for name, key in scores.keys().items()}
        kept = self.budget.keep(self.units.scores(keys, groups), groups, sparsity)
        for name, mask in self.units.masks(kept, model).items():
            masks[name].logical_and_(mask)

    @contextmanager
    def applied(self, model: VPNsForImageClassification, scores: Scores, sparsity: float) -> Iterator[None]:
        """Masks the model within the block; afterwards its masks are as before."""
        before = {name: mask.clone() for name, mask in model.masks().items()}
        try:
            self.apply(model, scores, sparsity)
            yield
        finally:
            for name, mask in model.masks().items():
                mask.copy_(before[name])

    def learn(self, model: VPNsForImageClassification, scores: Scores, sparsity: float) -> LearnedMask:
        """Begins to learn the mask of a model from `scores`; those of -inf become 0, the lowest magnitude.

        Raises:
            InputError: as `Budget.pools`.
        """
        starts = {name: torch.where(layer == -math.inf, 0.0, layer).float() for name, layer in scores.by_layer.items()}
        groups = self.units.groups(model)
        by_group: list[Tensor] = self.units.scores(starts, groups)
        return LearnedMask(model.masked_layers(), by_group, self.budget.pools(groups, sparsity))


def _below_others(key: Tensor, pruned: Tensor) -> Tensor:
    """Returns the key with -inf where `pruned` is True, and nowhere else: what merely goes first comes after it."""
    return key.clamp(min=torch.finfo(key.dtype).min).masked_fill_(pruned, -math.inf)
