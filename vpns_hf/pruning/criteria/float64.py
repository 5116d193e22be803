"""A network computed in float64, which itself stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor

from ...models import VPNsForImageClassification
from .gradients import evaluating, in_full_precision


def weights_in_float64(model: VPNsForImageClassification) -> dict[str, Tensor]:
    """Returns the masked weight of each prunable layer by layer, float64, a leaf that wants its gradient."""
    layers = model.masked_layers()
    return {name: layer.masked().double().requires_grad_() for name, layer in layers.items()}


def others_in_float64(model: VPNsForImageClassification) -> dict[str, Tensor]:
    """Returns all other parameters and buffers that are numbers with a fraction, by their name in the model, float64."""
    prunable = {f"backbone.{name}.weight" for name in model.masked_layers()}
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        name: tensor.detach().double()
        for name, tensor in tensors.items()
        if name not in prunable and tensor.is_floating_point()
    }


def put_together(weights: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns what `torch.func.functional_call` takes in the place of the tensors of the model."""
    return {**others, **{f"backbone.{name}.weight": weight for name, weight in weights.items()}}


@contextmanager
def without_masks(model: VPNsForImageClassification) -> Iterator[None]:
    """Layers compute with the weight they are given, which saves a copy; evaluation mode without autocast and TF32.

    Afterwards every part of the model is as before.
    """
    layers = {layer: type(layer) for layer in model.masked_layers().values()}
    try:
        for layer, kind in layers.items():
            layer.__class__ = kind.plain_class()
        with evaluating(model, []), in_full_precision(model.device):
            yield
    finally:
        for layer, kind in layers.items():
            layer.__class__ = kind
