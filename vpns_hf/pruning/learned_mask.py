"""A mask that is learned: the scores of all masked layers and the global threshold that turns them into masks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..models.masked_layers import MaskedLayer
from .budget import num_dropped
from .criteria import Criterion
from .thresholds import MaskedWeights, Threshold, make_selector


class LearnedMask:
    """Keeps the masks of `layers` equal to the exact global top-k of their scores.

    Args:
        layers: the masked layers by name; they must not change while the mask is learned.
        sparsity: fraction of all their weights to remove, in [0, 1).
        criterion: gives the scores each layer starts with.

    Attributes:
        threshold: the last threshold; None before the first `update`.

    Raises:
        InputError: if the sparsity is outside [0, 1).
    """

    def __init__(self, layers: Mapping[str, MaskedLayer], sparsity: float, criterion: Criterion) -> None:
        self.layers = list(layers.values())
        total = sum(layer.weight.numel() for layer in self.layers)
        self.selector = make_selector(num_dropped(total, sparsity), self.layers[0].weight.device)
        self.threshold: Threshold | None = None
        for layer in self.layers:
            layer.start_scores(criterion(layer))

    @property
    def scores(self) -> list[nn.Parameter]:
        """The scores of each layer, float32, shaped like its weight."""
        return [layer.scores for layer in self.layers]

    @property
    def masks(self) -> list[Tensor]:
        """The mask of each layer."""
        return [layer.weight_mask for layer in self.layers]

    def update(self) -> None:
        """Recomputes threshold, masks and masked weights from the current scores, in place.

        The weights must be the ones the scores were started with.
        """
        weights, masked = [layer.weight for layer in self.layers], [layer.masked_weight for layer in self.layers]
        with torch.no_grad():
            self.threshold = self.selector.renew(self.scores, MaskedWeights(weights, self.masks, masked))

    def finish(self) -> None:
        """Drops the scores; the masks stay."""
        for layer in self.layers:
            layer.stop_scores()
