"""How many bytes a pruned model takes on disk, part by part."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..models import VPNsForImageClassification


@dataclass(frozen=True)
class StorageSize:
    """Bytes of a sparse file; its header and checksums come on top.

    Attributes:
        values: of the kept weights.
        mask: one bit per prunable weight.
        other: tensors that are not masked.
        entropy_bound: the least that any code takes on average for a mask that keeps each weight with probability d,
            N * H(d) / 8 with H(d) = -d log2 d - (1 - d) log2(1 - d); the mask's real places may carry less.
    """

    values: int
    mask: int
    other: int
    entropy_bound: float

    @property
    def total(self) -> int:
        """Values, mask and other tensors."""
        return self.values + self.mask + self.other


def storage_size(model: VPNsForImageClassification, kept: int | None = None) -> StorageSize:
    """Returns the size of a model with its masks, or with `kept` prunable weights left."""
    masks = model.masks()
    masked = {f"backbone.{name}.{leaf}" for name in masks for leaf in ("weight", "weight_mask")}
    others = [value for key, value in model.state_dict().items() if key not in masked]
    total = sum(mask.numel() for mask in masks.values())
    kept = sum(int(mask.sum()) for mask in masks.values()) if kept is None else kept
    return StorageSize(
        values=kept * model.dtype.itemsize,
        mask=sum(-(-mask.numel() // 8) for mask in masks.values()),
        other=sum(value.numel() * value.element_size() for value in others),
        entropy_bound=total * binary_entropy(kept / total) / 8,
    )


def binary_entropy(density: float) -> float:
    """Returns H(d) in bits, for d in [0, 1]."""
    return sum(-part * math.log2(part) for part in (density, 1 - density) if 0 < part < 1)
