"""The masks that the scores of a checkpoint stand for, by the rule of the released code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..pruning.thresholds import make_selector


@dataclass(frozen=True)
class ReleasedMasks:
    """Masks by layer name, shaped like the scores; True where a weight is kept.

    Attributes:
        masks: of every layer.
        density: the fraction to be kept, in (0, 1].
        threshold: the largest magnitude that is pruned; None if nothing is.
        ties: how many magnitudes equal to the threshold are pruned beyond the number asked for.
    """

    masks: dict[str, Tensor]
    density: float
    threshold: float | None
    ties: int

    @classmethod
    def of(cls, scores: Mapping[str, Tensor], density: float) -> ReleasedMasks:
        """Prunes what is at most the k-th smallest magnitude of all layers together.

        k is (1 - density) * N, computed in binary floating point and cut to an integer. All ties go, other than in our
        own masks: the weights were fine-tuned without them.

        Raises:
            InputError: if a score is NaN, or nothing would be left.
        """
        total = sum(tensor.numel() for tensor in scores.values())
        pruned = int((1 - density) * total)
        threshold = make_selector(pruned, "cpu").select(list(scores.values())).value
        if pruned == 0:
            return cls({name: tensor == tensor for name, tensor in scores.items()}, density, None, 0)
        # Two comparisons instead of one of |scores|, which would be a copy of them.
        masks = {name: (tensor > threshold).logical_or_(tensor < -threshold) for name, tensor in scores.items()}
        kept = sum(int(mask.sum()) for mask in masks.values())
        if kept == 0:
            raise InputError(f"the scores are all alike: at density {density:g} no weight is left")
        return cls(masks, density, float(threshold), total - pruned - kept)
