"""What the masks of a model amount to, layer by layer."""

from __future__ import annotations

from ..models import VPNsForImageClassification
from ..reporting import ChannelRecord, LayerRecord
from .channels import Channels


def layer_records(model: VPNsForImageClassification) -> list[LayerRecord]:
    """Returns one record per masked layer, in the order of the model."""
    return [
        LayerRecord(name=name, shape=tuple(mask.shape), nonzero=int(mask.sum()))
        for name, mask in model.masks().items()
    ]


def empty_layers(model: VPNsForImageClassification) -> list[str]:
    """Returns the names of the layers that have no weight left: nothing of the picture passes through them."""
    return [name for name, mask in model.masks().items() if not mask.any()]


def channel_record(model: VPNsForImageClassification) -> ChannelRecord:
    """Returns how many channels the masks of a model keep.

    Raises:
        InputError: if they remove more than channels.
    """
    groups = Channels().groups(model)
    gone = sum(int(units.sum()) * group.weights for units, group in zip(Channels().pruned(model), groups, strict=True))
    total = sum(group.total for group in groups)
    return ChannelRecord(total - gone, total)


def effective_density(model: VPNsForImageClassification) -> float | None:
    """Returns fraction of prunable weights kept, the rows of the head that no target class reads left out.

    With a label mapping most rows of a 1000-way head are never read, yet they count in the published density.
    None where the backbone has no masked linear head to tell rows of.
    """
    masks = model.masks()
    try:
        heads = set(model.head_names()) & masks.keys()
    except ValueError:
        return None
    if not heads:  # linear layers of a class of their own
        return None
    masks.update({head: masks[head][model.label_mapping] for head in heads})
    return sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())
