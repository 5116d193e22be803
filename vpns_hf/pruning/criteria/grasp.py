"""Gradient signal preservation: the weights without which the gradient would lose most of its norm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...data import Batch
from .base import Scores, ScoringContext
from .float64 import others_in_float64, put_together, weights_in_float64, without_masks
from .gradients import summed_loss

TEMPERATURE = 200.0  # part of the method: of the logits, in both gradients
IMAGES = 16  # at a time: in float64, and to be differentiated again, each takes several times the memory of training


def grasp(context: ScoringContext) -> Scores:
    """Returns w * Hg, float64, ranked as it is: g the gradient of the mean loss, H its Hessian, w masked weights.

    Evaluation mode, with the prompt where the model has one. The scores are of the order of TEMPERATURE to the power of
    -2 to -3, for which float32 is too coarse. Source: Wang et al., "Picking winning tickets before training by preserving
    gradient flow", arXiv 2002.07376, algorithm 1.
    """
    weights, others = weights_in_float64(context.model), others_in_float64(context.model)
    tensors, leaves, masks = put_together(weights, others), list(weights.values()), context.model.masks().values()
    with without_masks(context.model), sdpa_kernel(SDPBackend.MATH):  # the one that can be differentiated twice
        count = _add_gradients(context, tensors, leaves)
        gradients = [gradient.mul_(mask) for gradient, mask in zip(_means(context, leaves, count), masks, strict=True)]
        _add_gradients_along(context, tensors, leaves, gradients)
        products = _means(context, leaves, count)
    pairs = zip(weights.items(), products, strict=True)
    return Scores({name: product.mul_(weight.detach()) for (name, weight), product in pairs}, by_magnitude=False)


def _in_parts(batches: Iterable[Batch]) -> Iterator[Batch]:
    for batch in batches:
        for part in range(0, len(batch.labels), IMAGES):
            yield Batch(*(None if entry is None else entry[part : part + IMAGES] for entry in batch))


def _add_gradients(context: ScoringContext, tensors: Mapping[str, Tensor], leaves: Sequence[Tensor]) -> Tensor:
    """Adds up the gradient of the summed loss in the leaves; returns the images of all processes, 0-dim."""
    count = torch.zeros((), dtype=torch.int64, device=leaves[0].device)
    for batch in _in_parts(context.batches()):
        loss, images = _loss(context, tensors, batch)
        loss.backward(inputs=leaves)
        count += images
    return context.reduce(count).clamp_min(1)


def _add_gradients_along(
    context: ScoringContext, tensors: Mapping[str, Tensor], leaves: Sequence[Tensor], direction: Sequence[Tensor]
) -> None:
    """Adds up the Hessian of the summed loss times `direction` in the leaves."""
    for batch in _in_parts(context.batches()):
        _product(context, tensors, leaves, direction, batch).backward(inputs=leaves)


def _product(
    context: ScoringContext,
    tensors: Mapping[str, Tensor],
    leaves: Sequence[Tensor],
    direction: Sequence[Tensor],
    batch: Batch,
) -> Tensor:
    """Returns the product of the gradient of the summed loss with `direction`, 0-dim, to be differentiated."""
    loss, _ = _loss(context, tensors, batch)
    gradients = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
    return torch.stack([(one * other).sum() for one, other in zip(gradients, direction, strict=True)]).sum()


def _means(context: ScoringContext, leaves: Sequence[Tensor], count: Tensor) -> list[Tensor]:
    """Takes what was added up out of the leaves, as the mean over the images of all processes."""
    means = []
    for leaf in leaves:
        total = torch.zeros_like(leaf, requires_grad=False) if leaf.grad is None else leaf.grad
        means.append(context.reduce(total).div_(count))
        leaf.grad = None
    return means


def _loss(context: ScoringContext, tensors: Mapping[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
    inputs = batch.pixel_values.double()
    output = functional_call(context.model, dict(tensors), (inputs,), {"prompted": context.model.has_prompt})
    return summed_loss(output.logits / TEMPERATURE, batch)
