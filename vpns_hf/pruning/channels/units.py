"""Channels as units, scored by all layers that make or read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...models import ChannelGroup, VPNsForImageClassification, along, kept_units
from ..criteria import Mean, Scores
from ..units import UnitGroup, Units
from .graph import ChannelGraph, channel_graph_of


@dataclass(frozen=True)
class ChannelUnits(UnitGroup):
    """A group of units of channels; `weights` is how many channels one of them has.

    Attributes:
        of: the layers that make and read them.
        graph: of the network they belong to.
    """

    of: ChannelGroup | None = None
    graph: ChannelGraph | None = None


class Channels(Units):
    """Channels, with all that makes and reads them; whole heads and whole groups of convolutions."""

    def groups(self, model: VPNsForImageClassification) -> list[ChannelUnits]:
        """Returns the groups of channels of a model, in the order of the layers that make them.

        Raises:
            InputError: as `channel_graph_of`.
        """
        graph = channel_graph_of(model)
        return [
            ChannelUnits(group.name, (group.size,), group.channels, layers=tuple(group.layers), of=group, graph=graph)
            for group in graph.groups
        ]

    def scores(self, scores: Scores, groups: Sequence[ChannelUnits]) -> list[Tensor]:
        keys = scores.keys()
        return [scores.pooling.of_channels(_in_layers(keys, group.of)) for group in groups]

    def starts(self, weights: Mapping[str, Tensor], groups: Sequence[ChannelUnits]) -> list[Tensor]:
        magnitudes = {name: layer.abs() for name, layer in weights.items()}
        return [Mean().of_channels(_in_layers(magnitudes, group.of)) for group in groups]

    def pruned(self, model: VPNsForImageClassification) -> list[Tensor]:
        masks = model.masks()
        kept = [kept_units(group.of, masks) for group in self.groups(model)]
        for name, mask in self.masks(kept, model).items():
            if not torch.equal(mask, masks[name]):
                raise InputError(
                    f"the mask of layer {name} removes more than channels; start from a mask of the same --granularity, or from none"
                )
        return [~units for units in kept]

    def masks(self, kept: Sequence[Tensor], model: VPNsForImageClassification) -> dict[str, Tensor]:
        return masks_of(self.groups(model), kept, model)


def masks_of(
    groups: Sequence[ChannelUnits], kept: Sequence[Tensor], model: VPNsForImageClassification
) -> dict[str, Tensor]:
    """Returns {layer name: bool, shaped like its weight} of the groups of a model, from which units stay."""
    masks = {name: torch.ones_like(mask) for name, mask in model.masks().items()}
    for group, units in zip(groups, kept, strict=True):
        for side in group.of.sides:
            masks[side.layer].transpose(0, side.axis)[~along(side, units)] = False
    return masks


def _in_layers(weights: Mapping[str, Tensor], group: ChannelGroup) -> list[Tensor]:
    """Returns what units have in each layer that makes or reads them, (units, weights)."""
    return [weights[side.layer].transpose(0, side.axis).reshape(group.size, -1) for side in group.sides]
