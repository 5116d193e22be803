"""Masks from scores at an exact sparsity, ranked over all layers together or within each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .selectors import make_selector
from .thresholds import num_dropped, write_masks


def global_masks(scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """Bool masks like the scores that drop the floor(sparsity * N) smallest |S| over all layers together.

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
    """Bool masks like the scores that drop the floor(sparsity * n) smallest |S| of each layer of n entries.

    Raises:
        InputError: as `global_masks`.
    """
    return [global_masks([score], sparsity)[0] for score in scores]


SCOPES: dict[str, Callable[[Sequence[Tensor], float], list[Tensor]]] = {
    "global": global_masks,
    "layer": layerwise_masks,
}
