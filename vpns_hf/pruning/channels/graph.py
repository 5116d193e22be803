"""Which channels of a network go together, as its architecture alone says."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from ...errors import InputError
from ...metrics import macs_by_layer
from ...models import ChannelGroup, VPNsConfig, VPNsForImageClassification
from .together import INSTEAD, together
from .trial import tried


@dataclass(frozen=True)
class ChannelGraph:
    """What an architecture says of its channels.

    Attributes:
        groups: those that can be removed, in the order of the layers.
        left: {layer that makes channels which stay: why}.
        weights: {masked layer: how many weights it has}.
        macs: {masked layer: multiplications for one picture}.
    """

    groups: tuple[ChannelGroup, ...]
    left: Mapping[str, str]
    weights: Mapping[str, int]
    macs: Mapping[str, int]


def channel_groups(model: VPNsForImageClassification) -> list[ChannelGroup]:
    """Returns the groups of channels that can be removed from a model.

    Raises:
        InputError: as `channel_graph_of`.
    """
    return list(channel_graph_of(model).groups)


def channel_graph_of(model: VPNsForImageClassification) -> ChannelGraph:
    """Returns what the architecture of a model says of its channels; of its weights nothing is read.

    Raises:
        InputError: if torch-pruning is not installed, the graph cannot be traced, or no channel can be removed.
    """
    with torch.random.fork_rng(devices=[]):
        graph = _found(_Architecture.of(model.config))
    if not graph.groups:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(graph.left.items())[:2])
        raise InputError(f"no channels of this network can be removed ({reasons}); {INSTEAD}")
    return graph


@dataclass(frozen=True)
class _Architecture:
    key: tuple[str, int]
    config: VPNsConfig = field(compare=False)

    @classmethod
    def of(cls, config: VPNsConfig) -> _Architecture:
        own = config.backbone_config.to_json_string(use_diff=False), str(config.widths)
        return cls(("".join(own), config.image_size), config)

    def network(self) -> VPNsForImageClassification:
        """Returns a network with random values through which pictures come, in evaluation mode on the CPU."""
        config = copy.deepcopy(self.config)
        config.storage_version = None
        model, generator = VPNsForImageClassification(config).eval(), torch.Generator().manual_seed(0)
        for tensor in model.backbone.parameters():
            if tensor.ndim == 1:
                tensor.detach().uniform_(0.5, 1.5, generator=generator)
            else:
                tensor.detach().normal_(std=tensor[0].numel() ** -0.5, generator=generator)
        return model


@lru_cache(maxsize=4)
def _found(architecture: _Architecture) -> ChannelGraph:
    model = architecture.network()
    pixels = torch.rand(1, 3, *[model.config.image_size] * 2, generator=torch.Generator().manual_seed(1))
    groups, left = together(model, pixels)
    groups, refused = tried(model, groups, pixels)
    layers = model.masked_layers()
    weights = {name: layer.weight.numel() for name, layer in layers.items()}
    macs = {name: counted.dense for name, counted in macs_by_layer(model.backbone, pixels).items() if name in layers}
    return ChannelGraph(tuple(groups), {**left, **refused}, weights, macs)
