"""Networks of many families through which pictures come, and random masks of their channels."""

from __future__ import annotations

import copy
from functools import cache

import torch
from torch import Tensor
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import CLASSES
from vpns_hf import VPNsForImageClassification
from vpns_hf.pruning import Channels, channel_groups

SIDE = 32
REMOVABLE = [name for name in FAMILIES if name != "convnextv2"]


@cache
def dense_network(family: str) -> VPNsForImageClassification:
    """Random values everywhere, of a size that keeps pictures apart; not to be changed."""
    torch.manual_seed(0)
    backbone = AutoModelForImageClassification.from_config(FAMILIES[family])
    with torch.no_grad():
        values = [*backbone.parameters(), *backbone.buffers()]
        for tensor in (tensor for tensor in values if tensor.is_floating_point()):
            if tensor.ndim == 1:
                tensor.uniform_(0.5, 1.5)
            else:
                tensor.normal_(std=tensor[0].numel() ** -0.5)
    return VPNsForImageClassification.from_backbone(backbone, id2label=CLASSES, image_size=SIDE, prompt_size=2)


def mask_channels(model: VPNsForImageClassification, kept: list[Tensor]) -> None:
    """Masks all units but those kept, in place."""
    masks = model.masks()
    for name, mask in Channels().masks(kept, model).items():
        masks[name].copy_(mask)


def drawn(model: VPNsForImageClassification, share: float, seed: int) -> list[Tensor]:
    """Which units stay, about that share of each group, at least one."""
    generator = torch.Generator().manual_seed(seed)
    kept = [torch.rand(group.size, generator=generator) < share for group in channel_groups(model)]
    for units in kept:
        units[int(torch.randint(len(units), (), generator=generator))] = True
    return kept


def thin_model(family: str = "resnet") -> VPNsForImageClassification:
    """A network of which about half of the channels were removed, and single weights of what is left masked."""
    model = copy.deepcopy(dense_network(family))
    mask_channels(model, drawn(model, 0.5, seed=2))
    thin = model.shrink(channel_groups(model))
    generator = torch.Generator().manual_seed(0)
    for mask in thin.masks().values():
        mask &= torch.rand(mask.shape, generator=generator) > 0.05
    return thin
