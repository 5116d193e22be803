"""A mask that is learned: the scores of all masked layers and the thresholds that turn them into masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from ..models.masked_layers import MaskedLayer
from .budget import Budget, Pool
from .learned_layers import start_scores, stop_scores
from .thresholds import MaskedWeights, Threshold, make_selector, write_masked_weights
from .units import UnitGroup


class LearnedMask(ABC):
    """Keeps the masks of `layers` equal to what stays by the magnitude of their scores.

    Args:
        layers: the masked layers by name; they must not change while the mask is learned.
        gone: of each score, True for what never comes back; no more than goes. Empty if there is none.

    Attributes:
        thresholds: the last one of each pool of weights that are ranked together; empty where none tells what stays.
    """

    def __init__(self, layers: Mapping[str, MaskedLayer], gone: Sequence[Tensor] = ()) -> None:
        self.layers = list(layers.values())
        self.gone = list(gone)
        self.thresholds: list[Threshold] = []

    @property
    def scores(self) -> list[nn.Parameter]:
        """The scores of each layer, float32; shaped like its weight, with 1 for sides that a unit extends over."""
        return [layer.scores for layer in self.layers]

    @property
    def masks(self) -> list[Tensor]:
        """The mask of each layer."""
        return [layer.weight_mask for layer in self.layers]

    @property
    def threshold(self) -> Threshold | None:
        """The last threshold of the first pool; None before the first `update`."""
        return self.thresholds[0] if self.thresholds else None

    @abstractmethod
    def update(self) -> None:
        """Recomputes masks and masked weights from the current scores, in place.

        The weights must be the ones the scores were started with, or `follow_weights` called since they moved.
        """

    @torch.no_grad()
    def follow_weights(self) -> None:
        """Recomputes the masked weights, in place, after weights have moved: a fused optimiser leaves no trace of that."""
        layers = self.layers
        write_masked_weights([layer.weight for layer in layers], self.masks, [layer.masked_weight for layer in layers])

    def squares(self) -> Iterator[tuple[nn.Parameter, Tensor]]:
        """Yields scores that have a gradient, and the squares of those of masked weights, summed for each score."""
        for layer in self.layers:
            if layer.scores.grad is not None:
                gradient = layer.weight.grad.to(layer.scores.dtype)
                yield layer.scores, gradient.square().sum_to_size(layer.scores.shape)

    def finish(self) -> None:
        """Drops the scores; the masks stay."""
        for layer in self.layers:
            stop_scores(layer)

    def _hold_down(self) -> None:
        """Gives what is gone the lowest scores, 0, which nothing else shares then."""
        for scores, gone in zip(self.scores, self.gone, strict=True) if self.gone else ():
            scores.masked_fill_(scores == 0, torch.finfo(scores.dtype).tiny).masked_fill_(gone, 0.0)

    def _kept_by(self, budget: Budget, groups: Sequence[UnitGroup], sparsity: float) -> list[Tensor]:
        """Returns what a budget keeps by the magnitude of the scores, without what is gone: it may keep whole groups."""
        self._hold_down()
        kept = budget.keep([scores.abs() for scores in self.scores], groups, sparsity)
        return [units & ~gone for units, gone in zip(kept, self.gone, strict=True)] if self.gone else kept


class LearnedWeights(LearnedMask):
    """Of single weights: the exact top-k of their scores, ranked together within each pool, by a threshold.

    Args:
        layers: as of `LearnedMask`.
        scores: those each layer starts with, float32, shaped like its weight; their storage becomes the layer's.
        pools: places of layers that are ranked together, and how many of their weights go.
        gone: as of `LearnedMask`, shaped like the weights.
    """

    def __init__(
        self,
        layers: Mapping[str, MaskedLayer],
        scores: Sequence[Tensor],
        pools: Sequence[Pool],
        gone: Sequence[Tensor] = (),
    ) -> None:
        super().__init__(layers, gone)
        self.pools = list(pools)
        self.selectors = [make_selector(pool.dropped, scores[0].device) for pool in pools]
        for layer, start in zip(self.layers, scores, strict=True):
            start_scores(layer, start)

    @torch.no_grad()
    def update(self) -> None:
        self._hold_down()
        self.thresholds = [
            selector.renew(*self._of(pool)) for selector, pool in zip(self.selectors, self.pools, strict=True)
        ]

    def _of(self, pool: Pool) -> tuple[list[Tensor], MaskedWeights]:
        layers = [self.layers[member] for member in pool.members]
        weights, masks = [layer.weight for layer in layers], [layer.weight_mask for layer in layers]
        return [layer.scores for layer in layers], MaskedWeights(
            weights, masks, [layer.masked_weight for layer in layers]
        )
