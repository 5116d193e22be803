"""Synaptic flow: how much of what flows through a network a weight carries, whatever the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ...errors import InputError
from ...models import VPNsForImageClassification
from .base import Scores, ScoringContext
from .float64 import others_in_float64, put_together, weights_in_float64, without_masks


def synflow(context: ScoringContext) -> Scores:
    """Returns |w dR/dw|, float64, R the sum of the mapped logits of an input of ones; one round, masks as they are.

    Parameters are absolute, biases 0, normalisation with mean 0 and variance 1, without prompt and normalisation of
    pixels. Float64, since fifty layers of ones overflow float32. Source: Tanaka et al., "Pruning neural networks without
    any data by iteratively conserving synaptic flow", arXiv 2006.05467, algorithm 1.

    Raises:
        InputError: as `check_homogeneous`.
    """
    model = context.model
    weights = {name: weight.detach().abs_().requires_grad_() for name, weight in weights_in_float64(model).items()}
    with without_masks(model):
        flow = _flow(model, put_together(weights, _neutral(model)), 1.0)
        gradients = torch.autograd.grad(flow, list(weights.values()), allow_unused=True, materialize_grads=True)
    pairs = zip(weights.items(), gradients, strict=True)
    return Scores({name: gradient.mul_(weight.detach()) for (name, weight), gradient in pairs})


@torch.no_grad()
def check_homogeneous(model: VPNsForImageClassification) -> None:
    """Looks whether twice the input gives twice the flow.

    Raises:
        InputError: if it does not, as with layer normalisation or attention.
    """
    tensors = put_together({name: weight.abs() for name, weight in weights_in_float64(model).items()}, _neutral(model))
    with without_masks(model):
        flow, twice = (_flow(model, tensors, value) for value in (1.0, 2.0))
    if not torch.allclose(twice, 2 * flow, rtol=1e-9, atol=0.0):
        raise InputError(_refusal(model, "an operation whose output does not grow in proportion to its input"))


def _flow(model: VPNsForImageClassification, tensors: dict[str, Tensor], value: float) -> Tensor:
    """Returns R for an input of `value`, 0-dim float64."""
    side, channels = model.config.image_size, len(model.config.image_mean)
    pixels = torch.full((1, channels, side, side), value, dtype=torch.float64, device=model.device)
    with _Homogeneous(model):
        logits = functional_call(model, tensors, (pixels,), {"prompted": False}).logits
    flow = logits.sum()
    if not flow.isfinite():
        raise InputError(f"the flow through {type(model.backbone).__name__} overflows float64; choose another method")
    return flow


def _neutral(model: VPNsForImageClassification) -> dict[str, Tensor]:
    """Returns what is no prunable weight: scales absolute, everything that is added 0, variances 1."""
    return {name: _NEUTRAL.get(name.rsplit(".", 1)[-1], torch.abs)(x) for name, x in others_in_float64(model).items()}


_NEUTRAL: dict[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("bias", "running_mean", "image_mean"), torch.zeros_like),
    **dict.fromkeys(("running_var", "image_std"), torch.ones_like),
}


class _Homogeneous(TorchFunctionMode):
    """Replaces functions by what they are on positive input, gates by 1, and refuses what is no part of such a network."""

    def __init__(self, model: VPNsForImageClassification) -> None:
        super().__init__()
        self.model = model

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = getattr(func, "__name__", "").rstrip("_")
        if name in _REFUSED:
            raise InputError(_refusal(self.model, name))
        return _REPLACED[name](args[0]) if name in _REPLACED else func(*args, **(kwargs or {}))


_REPLACED: dict[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("relu6", "hardtanh", "gelu", "silu", "hardswish", "mish"), F.relu),
    **dict.fromkeys(("sigmoid", "hardsigmoid"), torch.ones_like),
}
_REFUSED = {"layer_norm", "group_norm", "instance_norm", "softmax", "scaled_dot_product_attention", "tanh"}


def _refusal(model: VPNsForImageClassification, name: str) -> str:
    return (
        f"synflow needs a positively homogeneous network, but {type(model.backbone).__name__} computes {name}; "
        "choose another method"
    )
