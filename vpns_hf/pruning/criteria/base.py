"""What a criterion sees, and what it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from torch import Tensor

from ...data import Batch
from ...models import VPNsForImageClassification
from .pooling import Mean, Pooling


@dataclass(frozen=True)
class ScoringContext:
    """What a criterion may look at.

    Attributes:
        model: with its masks as they are; a criterion restores whatever it changes.
        batches: gives this process's share of class-balanced training images, as often as it is called.
        reduce: the sum of a tensor over all processes.
        seed: of everything random.
    """

    model: VPNsForImageClassification
    batches: Callable[[], Iterable[Batch]] = tuple
    reduce: Callable[[Tensor], Tensor] = lambda tensor: tensor
    seed: int = 0


@dataclass(frozen=True)
class Scores:
    """What the weights of each layer are ranked by; the lowest go first.

    Attributes:
        by_layer: {layer name: float32 or float64, shaped like its weight, storage of its own}; -inf goes before all.
        by_magnitude: whether |S| ranks; else S itself, which may be negative.
        pooling: how those of units follow from them.
    """

    by_layer: dict[str, Tensor]
    by_magnitude: bool = True
    pooling: Pooling = field(default_factory=Mean)

    def keys(self) -> dict[str, Tensor]:
        """Returns what ranks, ascending, by layer."""
        if not self.by_magnitude:
            return self.by_layer
        layers = self.by_layer.items()
        return {name: scores.abs().masked_fill_(scores == -math.inf, -math.inf) for name, scores in layers}


Criterion = Callable[[ScoringContext], Scores]
