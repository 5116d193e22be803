"""Whether all that a network computes with is a number, so that scores and losses can be."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import InputError
from ..utils.text import counted


def check_finite(model: nn.Module) -> None:
    """Checks all that is kept of a network: its parameters and persistent buffers.

    Raises:
        InputError: a tensor holds NaN or infinite numbers; the message names the first.
    """
    tensors = model.state_dict()
    odd = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not torch.isfinite(tensor).all()]
    if odd:
        others = f", as {'does' if len(odd) == 2 else 'do'} {counted(len(odd) - 1, 'more tensor')}" if odd[1:] else ""
        raise InputError(
            f"{odd[0]} of the network holds NaN or infinite numbers{others}; give a network whose training converged"
        )
