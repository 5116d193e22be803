"""The running statistics of batch norm, the one thing that training moves without a gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # noqa: PLC2701 (what all of torch\'s batch norms share)


def normalisation_layers(model: nn.Module) -> Iterator[_NormBase]:
    """Yields the layers of `model` that keep running statistics."""
    for module in model.modules():
        if isinstance(module, _NormBase) and module.running_mean is not None:
            yield module


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Returns the running means and variances of all layers, to be changed in place."""
    return [buffer for layer in normalisation_layers(model) for buffer in (layer.running_mean, layer.running_var)]


@torch.no_grad()
def synchronise_statistics(model: nn.Module, accelerator: Accelerator) -> None:
    """Averages the running statistics over the processes, each of which saw its own images."""
    buffers = running_statistics(model)
    if accelerator.num_processes == 1 or not buffers:
        return
    flat = torch.cat([buffer.flatten().float() for buffer in buffers])
    means = accelerator.reduce(flat, reduction="mean").split([buffer.numel() for buffer in buffers])
    for buffer, mean in zip(buffers, means, strict=True):
        buffer.copy_(mean.view_as(buffer))
