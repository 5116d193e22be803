"""Masks from scores: for good, for a while, or to be learned from there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models import VPNsForImageClassification
from .budget import Budget, Global, Pooled
from .channels import Channels, LearnedChannels
from .criteria import Scores
from .learned_mask import LearnedMask, LearnedWeights
from .learned_units import LearnedUnits
from .units import UnitGroup, Units, Weights


@dataclass(frozen=True)
class Pruner:
    """Which units go.

    Attributes:
        units: what one entry of a mask removes.
        budget: how many stay, and where.
    """

    units: Units = field(default_factory=Weights)
    budget: Budget = field(default_factory=Global)

    def check(self, model: VPNsForImageClassification, sparsity: float) -> None:
        """Looks whether the sparsity can be reached from the masks of the model.

        Raises:
            InputError: as `Budget.check` and `Units.pruned`.
        """
        self.budget.check(self.units.pruned(model), self.units.groups(model), sparsity)

    @torch.no_grad()
    def apply(self, model: VPNsForImageClassification, scores: Scores, sparsity: float) -> None:
        """Masks the model, for good. What is masked already goes first and never comes back, whatever the sparsity.

        Raises:
            InputError: as `Budget.keep` and `Units.pruned`.
        """
        masks, groups = model.masks(), self.units.groups(model)
        keys = zip(self.units.scores(scores, groups), self.units.pruned(model), strict=True)
        kept = self.budget.keep([_below_others(key, pruned) for key, pruned in keys], groups, sparsity)
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

        What is masked already stays so.

        Raises:
            InputError: as `Pooled.pools` and `Units.pruned`.
        """
        by_weight = {
            name: torch.where(layer == -math.inf, 0.0, layer).float() for name, layer in scores.by_layer.items()
        }
        groups, pruned = self.units.groups(model), self.units.pruned(model)
        starts = self.units.starts(by_weight, groups)
        gone = pruned if any(bool(layer.any()) for layer in pruned) else []
        if isinstance(self.budget, Pooled) and _are_weights(groups, model):
            return LearnedWeights(model.masked_layers(), starts, self.budget.pools(groups, sparsity), gone)
        kind = LearnedChannels if isinstance(self.units, Channels) else LearnedUnits
        return kind(model, self.units, self.budget, sparsity, starts, gone)


def _are_weights(groups: Sequence[UnitGroup], model: VPNsForImageClassification) -> bool:
    """Returns whether units are single weights, of which a threshold tells which stay."""
    return [group.shape for group in groups] == [mask.shape for mask in model.masks().values()]


def _below_others(key: Tensor, pruned: Tensor) -> Tensor:
    """Returns the key with -inf where `pruned` is True, and nowhere else: what merely goes first comes after it."""
    return key.clamp(min=torch.finfo(key.dtype).min).masked_fill_(pruned, -math.inf)
