"""What one entry of a mask removes. Adding units: a class, and a line in UNITS."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..models import VPNsForImageClassification


@dataclass(frozen=True)
class UnitGroup:
    """Units that are ranked and removed alike.

    Attributes:
        name: of the layer they belong to.
        shape: of their scores.
        weights: how many prunable weights one of them removes.
    """

    name: str
    shape: tuple[int, ...]
    weights: int = 1

    @property
    def total(self) -> int:
        """How many prunable weights the layer has."""
        return math.prod(self.shape) * self.weights


class Units(Protocol):
    """What one entry of a mask removes."""

    def groups(self, model: VPNsForImageClassification) -> list[UnitGroup]:
        """Returns the units of a model, a group per layer, in the order of its layers."""

    def scores(self, weights: Mapping[str, Tensor], groups: Sequence[UnitGroup]) -> list[Tensor]:
        """Returns the scores of units, one tensor per group, from those of weights by layer."""

    def masks(self, kept: Sequence[Tensor], model: VPNsForImageClassification) -> dict[str, Tensor]:
        """Returns {layer name: bool, shaped like its weight} from which units stay, one tensor per group."""


class Weights:
    """Single weights."""

    def groups(self, model: VPNsForImageClassification) -> list[UnitGroup]:
        return [UnitGroup(name, tuple(layer.weight.shape)) for name, layer in model.masked_layers().items()]

    def scores(self, weights: Mapping[str, Tensor], groups: Sequence[UnitGroup]) -> list[Tensor]:
        return [weights[group.name] for group in groups]

    def masks(self, kept: Sequence[Tensor], model: VPNsForImageClassification) -> dict[str, Tensor]:
        return dict(zip(model.masked_layers(), kept, strict=True))


UNITS: dict[str, Units] = {"weight": Weights()}
