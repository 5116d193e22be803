"""The gradient of the loss with respect to the masked weights, as criteria that read data need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...data import Batch
from ...models import VPNsForImageClassification
from .base import ScoringContext


def mean_gradients(context: ScoringContext) -> dict[str, Tensor]:
    """Returns m * dL/d(w * m) by layer, L the mean cross-entropy of the mapped logits over all images of all processes.

    Float32 or better: evaluation mode, no autocast, no TF32, with the prompt where the model has one. Sums run over
    images, so that the batch size and the number of processes have no part in the result beyond rounding.
    """
    layers = context.model.masked_layers()
    weights = [layer.weight for layer in layers.values()]
    sums = [torch.zeros_like(weight, dtype=_at_least_float32(weight), requires_grad=False) for weight in weights]
    count = torch.zeros((), dtype=torch.int64, device=weights[0].device)
    with evaluating(context.model, weights), in_full_precision(count.device):
        for batch in context.batches():
            pixels = batch.pixel_values.to(context.model.dtype)
            loss, images = summed_loss(context.model(pixels, prompted=context.model.has_prompt).logits, batch)
            for total, gradient in zip(sums, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
                total += 0 if gradient is None else gradient
            count += images
    images = context.reduce(count).clamp_min(1)
    return {name: context.reduce(total) / images for name, total in zip(layers, sums, strict=True)}


def summed_loss(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Returns the cross-entropy summed over the images of a batch that count, and how many these are; both 0-dim."""
    losses = F.cross_entropy(logits, batch.labels, reduction="none")
    valid = torch.ones_like(batch.labels, dtype=torch.bool) if batch.valid is None else batch.valid
    return losses.masked_fill(~valid, 0.0).sum(), valid.sum()


@contextmanager
def evaluating(model: VPNsForImageClassification, wanted: Sequence[nn.Parameter]) -> Iterator[None]:
    """Puts a model into evaluation mode with gradients of `wanted` alone, and every part of it back as it was."""
    modes = {module: module.training for module in model.modules()}
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        model.eval()
        model.requires_grad_(False)
        for parameter in wanted:
            parameter.requires_grad_(True)
        with torch.enable_grad():
            yield
    finally:
        for parameter, before in asked.items():
            parameter.requires_grad_(before)
        for module, training in modes.items():
            module.training = training


@contextmanager
def in_full_precision(device: torch.device) -> Iterator[None]:
    """Computes float32 in float32, whatever the job trains in."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def _at_least_float32(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
