"""Trying whether channels that are said to go together do: without them a network has to compute the same as with them masked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...models import ChannelGroup, VPNsForImageClassification, along


def tried(
    model: VPNsForImageClassification, groups: Sequence[ChannelGroup], pixels: Tensor
) -> tuple[list[ChannelGroup], dict[str, str]]:
    """Returns the groups without which the network computes what it computes with them masked, and why others stay."""
    if not groups or _agrees(model, groups, pixels):
        return list(groups), {}
    fine = [group for group in groups if _agrees(model, [group], pixels)]
    refused = [group.name for group in groups if group not in fine]
    return fine, dict.fromkeys(refused, "without some of them the network computes something else")


@torch.no_grad()
def _agrees(model: VPNsForImageClassification, groups: Sequence[ChannelGroup], pixels: Tensor) -> bool:
    dense = model.backbone(pixels).logits
    layers = model.masked_layers()
    for group in groups:
        stays = torch.arange(group.size) % 2 == 0
        for side in group.sides:
            mask = layers[side.layer].weight_mask
            mask.transpose(0, side.axis)[~along(side, stays)] = False
    try:
        masked = model.backbone(pixels).logits
        thinner = model.shrink(groups).backbone(pixels).logits
    except RuntimeError:  # layers that do not fit each other any more
        return False
    finally:
        for layer in layers.values():
            layer.weight_mask.fill_(True)
    change = (masked - dense).abs().max()
    return bool(0 < change < math.inf and (thinner - masked).abs().max() <= 1e-3 * change)
