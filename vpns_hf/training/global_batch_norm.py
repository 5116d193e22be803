"""Batch norm that sees the images of all processes together, so that what it estimates is what one process would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def over_all_processes(layers: Iterable[nn.Module], accelerator: Accelerator) -> Iterator[None]:
    """Makes those of the layers that are batch norm in training mode join the processes; not for gradients.

    torch's own `SyncBatchNorm` knows GPUs only.
    """
    joined = [layer for layer in layers if isinstance(layer, _BatchNorm)] if accelerator.num_processes > 1 else []
    for layer in joined:
        layer.forward = partial(_forward, layer, accelerator)
    try:
        yield
    finally:
        for layer in joined:
            del layer.forward


def _forward(layer: _BatchNorm, accelerator: Accelerator, input: Tensor) -> Tensor:
    mean, variance, count = _moments(input, accelerator)
    layer.num_batches_tracked += 1
    share = 1 / layer.num_batches_tracked if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance * (count / (count - 1)), share)
    return functional.batch_norm(input, mean, variance, layer.weight, layer.bias, eps=layer.eps)


def _moments(input: Tensor, accelerator: Accelerator) -> tuple[Tensor, Tensor, Tensor]:
    """Returns mean (C,), variance without Bessel's correction (C,) and number of values of a channel, float32.

    Source: Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """
    others = [0, *range(2, input.dim())]
    variance, mean = torch.var_mean(input.float(), dim=others, correction=0)
    count = torch.full_like(mean[:1], input.numel() / len(mean))
    gathered = accelerator.gather(torch.cat([mean, variance, count])[None])
    means, variances, counts = gathered.split([len(mean), len(variance), 1], dim=1)
    total = counts.sum()
    mean = (means * counts).sum(0) / total
    variance = ((variances + (means - mean).square()) * counts).sum(0) / total
    return mean, variance, total
