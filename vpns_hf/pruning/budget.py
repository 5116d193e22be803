"""How many units stay, and where: masks from scores at an exact sparsity, over all layers together or within each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import InputError
from .thresholds import make_selector, write_masks


def num_dropped(total: int, sparsity: float | str | Decimal | Fraction) -> int:
    """Returns how many of `total` entries a sparsity removes: floor(sparsity * total), free of binary rounding.

    The sparsity counts as the decimal it is written as, and the rounding of a difference such as 1 - 0.9 is undone
    (the nearest fraction with a denominator of at most 10^12 is taken).

    Raises:
        InputError: the sparsity is not a number in [0, 1).
    """
    try:
        exact = Fraction(str(sparsity)).limit_denominator(10**12)
    except (ValueError, ZeroDivisionError):
        exact = Fraction(-1)
    if not 0 <= exact < 1:
        raise InputError(f"sparsity {sparsity} is not a number in [0, 1); give the fraction of weights to remove")
    return math.floor(exact * total)


def global_masks(scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """Returns bool masks like the scores that drop the floor(sparsity * N) smallest |S| over all layers together.

    Ties go by position, the earlier first, so the count is exact; a layer can end up empty.

    Raises:
        InputError: the sparsity is outside [0, 1), or (in main memory) a score is NaN.
    """
    masks = [torch.empty(score.shape, dtype=torch.bool, device=score.device) for score in scores]
    if not masks:
        return masks
    selector = make_selector(num_dropped(sum(score.numel() for score in scores), sparsity), scores[0].device)
    write_masks(scores, selector.select(scores), masks)
    return masks


def layerwise_masks(scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """Returns bool masks like the scores that drop the floor(sparsity * n) smallest |S| of each layer of n entries.

    Raises:
        InputError: as `global_masks`.
    """
    return [global_masks([score], sparsity)[0] for score in scores]


SCOPES: dict[str, Callable[[Sequence[Tensor], float], list[Tensor]]] = {
    "global": global_masks,
    "layer": layerwise_masks,
}
