"""Masked layers whose mask is being learned: their scores, and the weight as a function of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ..models.masked_layers import MASKED_LAYERS, MaskedLayer, apply_mask, own_forward


class _StraightThrough(torch.autograd.Function):
    """The masked weight as a function of the scores: dL/dS = sum of dL/d(w * m) * w, times sign(S)."""

    @staticmethod
    def forward(ctx, scores: Tensor, weight: Tensor, masked_weight: Tensor) -> Tensor:
        ctx.save_for_backward(scores, weight)
        return masked_weight.detach()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        return _score_gradient(*ctx.saved_tensors, grad), None, None


class _BothLevels(torch.autograd.Function):
    """As `_StraightThrough`, and a function of the weight as well: dL/dw = dL/d(w * m) * m."""

    @staticmethod
    def forward(ctx, scores: Tensor, weight: Tensor, masked_weight: Tensor, mask: Tensor) -> Tensor:
        ctx.save_for_backward(scores, weight, mask)
        return masked_weight.detach()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        scores, weight, mask = ctx.saved_tensors
        return _score_gradient(scores, weight, grad), apply_mask(grad, mask), None, None


def _score_gradient(scores: Tensor, weight: Tensor, grad: Tensor) -> Tensor:
    """Returns dL/d(w * m) * w, summed over the weights that one score decides on, times sign(S)."""
    if scores.shape == weight.shape:
        return scores.sign().mul_(weight).mul_(grad)
    return (weight.to(scores.dtype) * grad).sum_to_size(scores.shape).mul_(scores.sign())


class LearnedLayer(MaskedLayer):
    """A masked layer with scores, whose gradient is the straight-through one of Ramanujan et al., arXiv 1911.13299, section 3.

    Attributes:
        scores: float32, shaped like the weight, or with sides of 1 where one decides on several weights.
        masked_weight: what the forward pass reads; whoever changes mask or weight brings it up to date.
    """

    scores: nn.Parameter
    masked_weight: Tensor

    def effective_weight(self) -> Tensor:
        """Returns the masked weight, differentiable in the scores, and in the weight where that is trained as well."""
        if self.weight.requires_grad:
            return _BothLevels.apply(self.scores_by_weight(), self.weight, self.masked_weight, self.weight_mask)
        return _StraightThrough.apply(self.scores_by_weight(), self.weight, self.masked_weight)

    def scores_by_weight(self) -> Tensor:
        """Returns the scores, shaped like the weight or with sides of 1."""
        return self.scores

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _unpickled, (self.plain_class(), self.learned_kind), self.__dict__


class ReadingLayer(LearnedLayer):
    """A layer that reads channels which are learned: the scores are theirs, (units,), and other layers may share them."""

    def scores_by_weight(self) -> Tensor:
        inputs = self.scores.repeat_interleave(self.weight.shape[1] // len(self.scores))
        return inputs.view(1, -1, *[1] * (self.weight.ndim - 2))


class MakingLayer(LearnedLayer):
    """A layer whose channels are learned where they are read: all of them are computed."""

    def effective_weight(self) -> Tensor:
        return self.weight


class FollowingLayer(LearnedLayer):
    """A layer without scores whose pruned weights are trained like the others."""

    def effective_weight(self) -> Tensor:
        weight = self.weight
        return weight + (torch.where(self.weight_mask, weight, 0) - weight).detach()  # exact: w + (0 - w), and w + 0


@cache
def _learned(masked: type[MaskedLayer], kind: type[LearnedLayer]) -> type[LearnedLayer]:
    fields = {"masked_class": masked, "learned_kind": kind}
    return type(f"{kind.__name__.removesuffix('Layer')}{masked.__name__}", (kind, masked), fields)


def _unpickled(plain: type[nn.Module], kind: type[LearnedLayer]) -> LearnedLayer:
    learned = _learned(MASKED_LAYERS.get(plain) or own_forward(plain), kind)
    return learned.__new__(learned)


def start_scores(layer: MaskedLayer, scores: Tensor | nn.Parameter, kind: type[LearnedLayer] = LearnedLayer) -> None:
    """Begins to learn the mask of a layer, in place, from float32 `scores`, see there, whose storage becomes the layer's."""
    layer.__class__ = _learned(type(layer), kind)
    layer.scores = scores if isinstance(scores, nn.Parameter) else nn.Parameter(scores)
    layer.register_buffer("masked_weight", layer.masked(), persistent=False)


def compute_all(layer: MaskedLayer) -> None:
    """Has a layer compute all of its outputs, in place, while those that read them learn which stay."""
    layer.__class__ = _learned(type(layer), MakingLayer)


def pass_on_gradient(layer: MaskedLayer) -> None:
    """Has the pruned weights of a layer get the gradient of what takes their place in the forward pass, in place."""
    layer.__class__ = _learned(type(layer), FollowingLayer)


def stop_scores(layer: LearnedLayer) -> None:
    """Ends learning: the mask stays as it is."""
    for name in ("scores", "masked_weight"):
        if hasattr(layer, name):
            delattr(layer, name)
    layer.__class__ = type(layer).masked_class
