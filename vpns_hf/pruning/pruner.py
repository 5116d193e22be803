"""Masks from scores: for good, for a while, or to be learned from there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError
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

    def check(self, model: VPNsForImageClassification, sparsity: float) -> None:
        """Looks whether the sparsity can be reached from the masks of the model.

        Raises:
            InputError: as `Budget.pools`, or if more weights that are ranked together are masked than are to go.
        """
        masks, groups = model.masks(), self.units.groups(model)
        for pool in self.budget.pools(groups, sparsity):
            names = [groups[member].name for member in pool.members]
            masked = sum(int((~masks[name]).sum()) for name in names)
            if masked > pool.dropped:
                raise InputError(
                    f"sparsity {sparsity} removes {pool.dropped} weights of {names[0] if len(names) == 1 else 'all layers'}, "
                    f"which has lost {masked} already; raise --sparsities, or give another --scope or --exclude"
                )

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

        What is masked already stays so.

        Raises:
            InputError: as `Budget.pools`.
        """
        starts = {name: torch.where(layer == -math.inf, 0.0, layer).float() for name, layer in scores.by_layer.items()}
        groups, masks = self.units.groups(model), model.masks()
        pruned = [~masks[group.name] for group in groups]
        by_group: list[Tensor] = self.units.scores(starts, groups)
        gone = pruned if any(bool(layer.any()) for layer in pruned) else []
        return LearnedMask(model.masked_layers(), by_group, self.budget.pools(groups, sparsity), gone)


def _below_others(key: Tensor, pruned: Tensor) -> Tensor:
    """Returns the key with -inf where `pruned` is True, and nowhere else: what merely goes first comes after it."""
    return key.clamp(min=torch.finfo(key.dtype).min).masked_fill_(pruned, -math.inf)
