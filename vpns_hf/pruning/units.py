"""What one entry of a mask removes. Adding blocks: a class, and a line in UNITS."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..models import VPNsForImageClassification
from .criteria import Mean, Pooling, Scores


@dataclass(frozen=True)
class UnitGroup:
    """Units that are ranked and removed alike.

    Attributes:
        name: of the layer they belong to.
        shape: of their scores.
        weights: how many prunable weights one of them removes.
        in_groups: whether the layer is a convolution whose channels are in groups.
        layers: names of all layers they have a part in, where that are several.
    """

    name: str
    shape: tuple[int, ...]
    weights: int = 1
    in_groups: bool = False
    layers: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many prunable weights the layer has."""
        return math.prod(self.shape) * self.weights

    @property
    def all_layers(self) -> tuple[str, ...]:
        """Names of all layers they have a part in."""
        return self.layers or (self.name,)


class Units(ABC):
    """What one entry of a mask removes."""

    @abstractmethod
    def groups(self, model: VPNsForImageClassification) -> list[UnitGroup]:
        """Returns the units of a model, in the order of its layers."""

    @abstractmethod
    def scores(self, scores: Scores, groups: Sequence[UnitGroup]) -> list[Tensor]:
        """Returns what ranks units, ascending, one tensor per group."""

    @abstractmethod
    def starts(self, weights: Mapping[str, Tensor], groups: Sequence[UnitGroup]) -> list[Tensor]:
        """Returns the scores that units begin to be learned from, whose magnitudes rank, from those of weights by layer."""

    @abstractmethod
    def pruned(self, model: VPNsForImageClassification) -> list[Tensor]:
        """Returns which units are masked already, one bool tensor per group.

        Raises:
            InputError: if one is in part.
        """

    @abstractmethod
    def masks(self, kept: Sequence[Tensor], model: VPNsForImageClassification) -> dict[str, Tensor]:
        """Returns {layer name: bool, shaped like its weight} from which units stay, one tensor per group."""


class Blocks(Units):
    """Blocks of the weight of a layer."""

    @abstractmethod
    def shape(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the scores of a layer: that of its weight, with 1 for sides that blocks extend over."""

    def groups(self, model: VPNsForImageClassification) -> list[UnitGroup]:
        """As in `Units`, a group per layer."""
        return [
            UnitGroup(
                name,
                shape := self.shape(tuple(layer.weight.shape)),
                layer.weight.numel() // math.prod(shape),
                getattr(layer, "groups", 1) > 1,
            )
            for name, layer in model.masked_layers().items()
        ]

    def scores(self, scores: Scores, groups: Sequence[UnitGroup]) -> list[Tensor]:
        keys = scores.keys()
        return [_pooled(keys[group.name], group.shape, scores.pooling) for group in groups]

    def starts(self, weights: Mapping[str, Tensor], groups: Sequence[UnitGroup]) -> list[Tensor]:
        return [
            weights[group.name] if group.weights == 1 else _pooled(weights[group.name].abs(), group.shape, Mean())
            for group in groups
        ]

    def pruned(self, model: VPNsForImageClassification) -> list[Tensor]:
        masks = model.masks()
        return [_blocks(group, ~masks[group.name]) for group in self.groups(model)]

    def masks(self, kept: Sequence[Tensor], model: VPNsForImageClassification) -> dict[str, Tensor]:
        layers = zip(model.masks().items(), kept, strict=True)
        return {name: mask.expand_as(whole) for (name, whole), mask in layers}


class Weights(Blocks):
    """Single weights."""

    def shape(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        return weight


class Kernels(Blocks):
    """All positions of one input channel at one output channel; single weights in linear layers and 1x1 convolutions."""

    def shape(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        return weight[:2] + (1,) * len(weight[2:])


def _pooled(weights: Tensor, shape: tuple[int, ...], pooling: Pooling) -> Tensor:
    sides = _sides(weights, shape)
    return pooling.of_blocks(weights, sides) if sides else weights


def _sides(weights: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        side for side, (whole, of_unit) in enumerate(zip(weights.shape, shape, strict=True)) if whole != of_unit
    )


def _blocks(group: UnitGroup, pruned: Tensor) -> Tensor:
    sides = _sides(pruned, group.shape)
    if not sides:
        return pruned
    found = pruned.all(dim=sides, keepdim=True)
    if bool((pruned & ~found).any()):
        raise InputError(
            f"the mask of layer {group.name} removes parts of units of {group.weights} weights, which go together or not at "
            "all; start from a mask of the same --granularity, or from none"
        )
    return found


UNITS: dict[str, Blocks] = {"weight": Weights(), "kernel": Kernels()}
