"""Channels that go together, read out of the graph of Torch-Pruning.

Source of the graph: Fang et al., "DepGraph: Towards Any Structural Pruning", arXiv 2301.12900.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # noqa: PLC2701 (what all of torch's batch norms share)

from ...errors import InputError
from ...models import ChannelGroup, Side, VPNsForImageClassification
from ...utils.extras import of_extra
from ...utils.text import one_line

INSTEAD = "give another --granularity, such as weight"


@dataclass
class _Set:
    """Channels that go together, while their sides are collected.

    Attributes:
        size: how many.
        sides: of masked layers.
        norms: of normalisations.
        units: how many blocks of channels are the smallest that can go.
        objection: why none of them can.
    """

    size: int
    sides: list[Side] = field(default_factory=list)
    norms: list[Side] = field(default_factory=list)
    units: int = 0
    objection: str | None = None

    @property
    def name(self) -> str:
        """The first of the layers that make them."""
        return next(side.layer for side in self.sides if side.axis == 0)

    def in_units(self, units: int) -> None:
        """Makes `units` blocks of them, which go as a whole."""
        self.units = math.gcd(self.units or self.size, units)

    def group(self) -> ChannelGroup:
        """Returns them as they are pruned."""
        many = self.size // self.units
        sides, norms = _wider(self.sides, many), _wider(self.norms, many)
        made = next(side for side in sides if side.axis == 0)
        return ChannelGroup(self.name, self.units, made.each, tuple(sides), tuple(norms))


def _wider(sides: Sequence[Side], times: int) -> list[Side]:
    """Returns sides of units of so many channels each."""
    return [Side(side.layer, side.axis, side.each * times) for side in sides]


def together(model: VPNsForImageClassification, pixels: Tensor) -> tuple[list[ChannelGroup], dict[str, str]]:
    """Returns the channels that can go, in the order of the layers, and {layer that makes others: why they stay}.

    Raises:
        InputError: if torch-pruning is not installed, or the graph cannot be traced.
    """
    plain = model.to_backbone()
    order = {name: place for place, name in enumerate(model.masked_layers())}
    reader = _Reader({part: name for name, part in [*plain.named_modules(), *plain.named_parameters()]}, order)
    found = [reader.read(graph_set) for graph_set in _traced(plain, pixels)]
    sets = [channels for channels in found if channels is not None]
    sets = _merged_along_grouped(sets, plain)
    for channels in sets:
        channels.units = channels.units or channels.size
        _keep_heads_whole(channels, plain)
        if channels.objection is None and channels.units == 1:
            channels.objection = "they go together, all of them"
    sets.sort(key=lambda channels: order[channels.name])
    left = {channels.name: channels.objection for channels in sets if channels.objection is not None}
    return [channels.group() for channels in sets if channels.objection is None], left


@dataclass(frozen=True)
class _Item:
    """One entry of a set of Torch-Pruning.

    Attributes:
        target: module or parameter.
        axis: 0 for outputs, 1 for inputs.
        places: along it.
        channels: which channel of the set is at each place.
    """

    target: Any
    axis: int
    places: list[int]
    channels: list[int]

    @property
    def each(self) -> int | None:
        """How many places in a row belong to one channel; None if they do not lie so."""
        groups = getattr(self.target, "groups", 1) if self.axis else 1
        length = self.target.weight.shape[self.axis] * groups
        each = max(length // (max(self.channels) + 1), 1)
        in_a_row = [(place, place // each) for place in range(length)]
        return each if sorted(zip(self.places, self.channels, strict=True)) == in_a_row else None


def _traced(plain: nn.Module, pixels: Tensor) -> list[list[_Item]]:
    with of_extra("channels are found by torch-pruning", "structured"):
        import torch_pruning
    try:
        with torch.enable_grad():
            graph = torch_pruning.DependencyGraph().build_dependency(
                plain, pixels, forward_fn=lambda network, images: network(images).logits, verbose=False
            )
        return [[_item(graph, entry) for entry in found] for found in graph.get_all_groups()]
    except Exception as error:  # whatever a network does that tracing cannot follow
        kind, reason = type(plain).__name__, one_line(error)
        raise InputError(
            f"the graph of {kind} cannot be traced ({type(error).__name__}: {reason}); {INSTEAD}"
        ) from error


def _item(graph: Any, entry: Any) -> _Item:
    reads = not graph.is_out_channel_pruning_fn(entry.dep.handler)
    return _Item(entry.dep.target.module, int(reads), list(entry.idxs), list(entry.root_idxs))


@dataclass(frozen=True)
class _Reader:
    """Reads sets of Torch-Pruning.

    Attributes:
        names: of the modules and parameters of the network.
        masked: names of the masked layers.
    """

    names: Mapping[nn.Module | nn.Parameter, str]
    masked: Mapping[str, int]

    def read(self, items: Sequence[_Item]) -> _Set | None:
        """Returns the channels; None of those that nothing reads, the classes, or that no masked layer makes."""
        channels = _Set(size=len(items[0].places))
        for item in items:
            if item.target in self.names:  # else it is an operation
                self._add(channels, item, self.names[item.target])
        channels.sides.sort(key=lambda side: (self.masked[side.layer], side.axis))
        channels.norms.sort(key=lambda side: side.layer)
        axes = {side.axis for side in channels.sides}
        return channels if 0 in axes and (1 in axes or channels.objection) else None

    def _add(self, channels: _Set, item: _Item, name: str) -> None:
        is_norm = isinstance(item.target, _NormBase) and item.target.affine
        if name not in self.masked and not is_norm:
            channels.objection = (
                channels.objection or f"{name}, a {type(item.target).__name__}, goes along all of them"
            )
        elif item.each is None:
            channels.objection = channels.objection or f"they do not lie in a row in {name}"
        elif is_norm:
            channels.norms.append(Side(name, 0, item.each))
        else:
            channels.sides.append(Side(name, item.axis, item.each))


def _merged_along_grouped(sets: Sequence[_Set], plain: nn.Module) -> list[_Set]:
    """Joins what goes into a convolution in groups with what comes out of it: whole groups go."""
    merged = list(sets)
    for name, layer in plain.named_modules():
        if not isinstance(layer, nn.Conv2d) or layer.groups == 1:
            continue
        before = next((one for one in merged if any(_is(side, name, 1) for side in one.sides)), None)
        after = next((one for one in merged if any(_is(side, name, 0) for side in one.sides)), None)
        if before is None:  # of each channel by itself, which goes with it
            continue
        before.sides = [side for side in before.sides if not _is(side, name, 1)]
        before.in_units(layer.groups)
        if after is None:
            before.objection = f"{name}, in groups, goes along all of them"
        elif after is not before:
            after.in_units(layer.groups)
            merged[merged.index(before)] = _joined(before, after)
            merged.remove(after)
    return merged


def _is(side: Side, layer: str, axis: int) -> bool:
    return side.layer == layer and side.axis == axis


def _joined(first: _Set, second: _Set) -> _Set:
    """Returns both as one set, whose channels are the units."""
    units = math.gcd(first.units, second.units)
    joined = _Set(units, units=units, objection=first.objection or second.objection)
    for channels in (first, second):
        many = channels.size // units
        joined.sides += _wider(channels.sides, many)
        joined.norms += _wider(channels.norms, many)
    return joined


def _keep_heads_whole(channels: _Set, plain: nn.Module) -> None:
    """Has heads of an attention go as a whole, where all the layers are those of one."""
    parents = {side.layer.rpartition(".")[0] for side in channels.sides}
    parent = plain.get_submodule(parents.pop()) if len(parents) == 1 else None
    width = getattr(parent, "head_dim", None)
    if isinstance(width, int) and channels.size % width == 0:
        channels.in_units(channels.size // width)
