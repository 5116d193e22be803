"""Channels that go together, and networks that are thinner without some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .sparse_storage import MASK


@dataclass(frozen=True)
class Side:
    """One side of a layer that units of channels lie along, one after the other.

    Attributes:
        layer: its name in the backbone.
        axis: 0 for its outputs, or the entries of a normalisation; 1 for its inputs.
        each: how many places in a row belong to one unit.
    """

    layer: str
    axis: int
    each: int = 1


@dataclass(frozen=True)
class ChannelGroup:
    """Units of channels: what makes and what reads a channel of them goes with it.

    Attributes:
        name: of the layer that makes them, the first if there are several, as along a residual stream.
        size: how many units there are.
        channels: in each unit: 1, or those of an attention head or of a group of a convolution.
        sides: of masked layers, whose weights go with a unit.
        norms: of normalisations.
    """

    name: str
    size: int
    channels: int
    sides: tuple[Side, ...]
    norms: tuple[Side, ...] = ()

    @property
    def layers(self) -> list[str]:
        """Names of the masked layers, each once."""
        return list(dict.fromkeys(side.layer for side in self.sides))

    @property
    def readers(self) -> list[Side]:
        """The sides that read the channels."""
        return [side for side in self.sides if side.axis == 1]


def along(side: Side, units: Tensor) -> Tensor:
    """Returns the entries of units, (U,), repeated for every place of a side, (places,)."""
    return units.repeat_interleave(side.each)


def kept_units(group: ChannelGroup, masks: Mapping[str, Tensor]) -> Tensor:
    """Returns which units of a group have a weight left, (size,) bool, from masks by layer; the first if none has."""
    kept = torch.stack([_has_weights(group.size, side, masks[side.layer]) for side in group.sides]).any(0)
    if not kept.any():
        kept[0] = True  # no layer can do without a channel
    return kept


def _has_weights(size: int, side: Side, mask: Tensor) -> Tensor:
    return mask.transpose(0, side.axis).flatten(1).any(1).view(size, side.each).any(1)


def without_units(
    state_dict: Mapping[str, Tensor], groups: Sequence[ChannelGroup], kept: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Returns the tensors of a backbone without those units of each group that `kept`, bool, is False for."""
    thinner = dict(state_dict)
    for group, units in zip(groups, kept, strict=True):
        for side in (*group.sides, *group.norms):
            places = along(side, units).nonzero().squeeze(1)
            for name in _tensors_along(side, thinner):
                thinner[name] = thinner[name].index_select(side.axis, places.to(thinner[name].device))
    return thinner


def _tensors_along(side: Side, tensors: Mapping[str, Tensor]) -> list[str]:
    leaves = ("weight", f"weight{MASK}", "bias", "running_mean", "running_var")
    names = [f"{side.layer}.{leaf}" for leaf in leaves]
    return [name for name in names if name in tensors and tensors[name].ndim > side.axis]


def widths_of(layers: Iterable[str], tensors: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """Returns what `thin` takes: {layer: outputs, and inputs where it has any}, from the tensors of a backbone."""
    return {layer: list(tensors[f"{layer}.weight"].shape[:2]) for layer in layers}


def thin(backbone: nn.Module, widths: Mapping[str, Sequence[int]]) -> None:
    """Makes layers of a plain backbone thinner, in place; of their values the first stay.

    Args:
        backbone: holds the layers, none of them masked.
        widths: {layer: outputs, and inputs where it has any, those of one group of a convolution}.

    Raises:
        ValueError: if there is no such layer, or it has fewer.
    """
    layers = dict(backbone.named_modules())
    for name, sizes in widths.items():
        weight = getattr(layers.get(name), "weight", None)
        shape = () if weight is None else tuple(weight.shape[:2])
        if len(shape) != len(sizes) or any(not 1 <= size <= whole for size, whole in zip(sizes, shape, strict=True)):
            raise ValueError(
                f"widths gives {name} {list(sizes)}, but the backbone has {list(shape) or 'no such layer'}"
            )
        _thin_layer(layers[name], sizes)


def _thin_layer(layer: nn.Module, sizes: Sequence[int]) -> None:
    if isinstance(layer, nn.Conv2d):
        if layer.groups > 1:  # those that are left have as many channels as before
            layer.groups = layer.groups * sizes[0] // layer.out_channels
        layer.out_channels, layer.in_channels = sizes[0], sizes[1] * layer.groups
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = sizes
    else:
        layer.num_features = sizes[0]
    for name, tensor in [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]:
        shape = (*sizes, *tensor.shape[len(sizes) :])[: tensor.ndim]
        first = tensor.detach()[tuple(slice(size) for size in shape)].clone()
        if isinstance(tensor, nn.Parameter):
            first = nn.Parameter(first, tensor.requires_grad)
        setattr(layer, name, first)
