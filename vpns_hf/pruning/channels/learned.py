"""A mask of channels that is learned: one score for each unit, which acts where its channels are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...models import Side, VPNsForImageClassification, along
from ...models.masked_layers import apply_mask
from ..budget import Budget
from ..learned_layers import ReadingLayer, compute_all, start_scores
from ..learned_mask import LearnedMask
from .units import Channels, masks_of

T = TypeVar("T")


class LearnedChannels(LearnedMask):
    """Keeps the masks of a model equal to what a budget keeps of its channels, ranked by the magnitude of their scores.

    While it is learned, the forward pass leaves out the channels where they are read, and there alone: what comes out is the
    same, and the gradient of a score is that of the whole channel, also of one that is masked, dL/dS = sum of dL/d(w * m) * w
    over the weights that read it, times sign(S).

    Args:
        model: whose layers must not change while the mask is learned.
        units: the channels.
        budget: which stay.
        sparsity: the fraction to remove, in [0, 1), of what the budget counts.
        scores: those each group starts with, float32, (units,).
        gone: of each group, True for units that never come back. Empty if there are none.
    """

    def __init__(
        self,
        model: VPNsForImageClassification,
        units: Channels,
        budget: Budget,
        sparsity: float,
        scores: Sequence[Tensor],
        gone: Sequence[Tensor] = (),
    ) -> None:
        self._by_name = model.masked_layers()
        super().__init__(self._by_name, gone)
        self._model, self._budget, self._sparsity = model, budget, sparsity
        self._groups = units.groups(model)
        self._scores = [nn.Parameter(start) for start in scores]
        for scores_of_group, side in self._readers(self._scores):
            start_scores(self._by_name[side.layer], scores_of_group, ReadingLayer)
        for layer in self.layers:
            if not isinstance(layer, ReadingLayer):
                compute_all(layer)

    @property
    def scores(self) -> list[nn.Parameter]:
        """The scores of each group, float32, (units,)."""
        return self._scores

    @torch.no_grad()
    def update(self) -> None:
        kept = self._kept_by(self._budget, self._groups, self._sparsity)
        for name, mask in masks_of(self._groups, kept, self._model).items():
            self._by_name[name].weight_mask.copy_(mask)
        self._kept = kept
        self.follow_weights()

    @torch.no_grad()
    def follow_weights(self) -> None:
        for kept, side in self._readers(self._kept):
            layer = self._by_name[side.layer]
            inputs = along(side, kept).view(1, -1, *[1] * (layer.weight.ndim - 2))
            apply_mask(layer.weight, inputs, out=layer.masked_weight)

    def squares(self) -> Iterator[tuple[nn.Parameter, Tensor]]:
        for group, scores in zip(self._groups, self.scores, strict=True):
            if scores.grad is not None:
                read = [self._by_name[side.layer].weight.grad.to(scores.dtype) for side in group.of.readers]
                yield scores, sum(weight.square().transpose(0, 1).reshape(len(scores), -1).sum(1) for weight in read)

    def _readers(self, by_group: Sequence[T]) -> Iterator[tuple[T, Side]]:
        for group, entry in zip(self._groups, by_group, strict=True):
            for side in group.of.readers:
                yield entry, side
