"""The gradient of the loss with respect to the masked weights, as criteria that read data need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...data import Batch
from ...models import VPNsForImageClassification
from .base import ScoringContext


def mean_gradients(context: ScoringContext) -> dict[str, Tensor]:
    """Returns dL/d(w * m) by layer, L the mean cross-entropy of the mapped logits over all images of all processes.

    Evaluation mode, no autocast, with the prompt where the model has one. Sums run over images, so that the batch size
    has no part in the result beyond rounding.
    """
    layers = context.model.masked_layers()
    weights = [layer.weight for layer in layers.values()]
    sums = [torch.zeros_like(weight, requires_grad=False) for weight in weights]
    count = torch.zeros((), dtype=torch.float64, device=weights[0].device)
    with evaluating(context.model, weights):
        for batch in context.batches():
            loss, images = summed_loss(context.model, batch)
            for total, gradient in zip(sums, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
                total += 0 if gradient is None else gradient
            count += images
    images = context.reduce(count).clamp_min(1)
    return {name: context.reduce(total) / images.to(total) for name, total in zip(layers, sums, strict=True)}


def summed_loss(model: VPNsForImageClassification, batch: Batch) -> tuple[Tensor, int]:
    """Returns the cross-entropy summed over the images of a batch that count, and how many these are."""
    pixels, labels = batch.pixel_values, batch.labels
    if batch.valid is not None:
        pixels, labels = pixels[batch.valid], labels[batch.valid]
    logits = model(pixels.to(model.dtype), prompted=model.has_prompt).logits
    return F.cross_entropy(logits, labels, reduction="sum"), len(labels)


@contextmanager
def evaluating(model: VPNsForImageClassification, wanted: list[nn.Parameter]) -> Iterator[None]:
    """Puts a model into evaluation mode with gradients of `wanted` alone, and back as it was."""
    was_training = model.training
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    model.eval()
    model.requires_grad_(False)
    for parameter in wanted:
        parameter.requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter, before in asked.items():
            parameter.requires_grad_(before)
        model.train(was_training)
