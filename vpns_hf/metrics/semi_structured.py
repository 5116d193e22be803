"""Linear layers of which two of every four weights are 0, as GPUs with kernels for that pattern compute them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def is_two_of_four(weight: Tensor) -> bool:
    """Returns whether of every four consecutive inputs at most two have a weight, and not all weights are 0.

    Args:
        weight: of a linear layer, (out, in).
    """
    if weight.shape[1] % 4:
        return False
    kept = (weight != 0).unflatten(1, (-1, 4)).sum(2)
    return bool(kept.any()) and int(kept.max()) <= 2


def use_semi_structured(network: nn.Module) -> int:
    """Gives each linear layer of that pattern the kernels for it; returns how many layers of a fitting size there were.

    Args:
        network: on a GPU, in float16; it is changed, and cannot be trained any more.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear) and is_two_of_four(layer.weight)]
    return sum(_converted(layer) for layer in layers)


def _converted(layer: nn.Linear) -> bool:
    try:
        weight = torch.sparse.to_sparse_semi_structured(layer.weight.detach().contiguous())
    except RuntimeError:  # of a size, or on a GPU, that has none
        return False
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return True
