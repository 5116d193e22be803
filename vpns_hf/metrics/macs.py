"""How many multiplications a picture takes, with all weights and with the kept ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..models import MaskedLayer


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulate operations of the convolutions and linear layers, for one picture.

    Attributes:
        dense: with every weight.
        nonzero: with the weights the masks keep; hardware that computes with zeros still does `dense`.
    """

    dense: int
    nonzero: int


@torch.no_grad()
def count_macs(model: nn.Module, pixel_values: Tensor) -> Macs:
    """Counts the operations of one forward pass, from the shapes that the layers really see.

    Args:
        model: whose `Conv2d` and `Linear` layers, masked or not, are counted.
        pixel_values: (1, 3, I, I), what the model is called with.
    """
    counted = macs_by_layer(model, pixel_values).values()
    return Macs(sum(macs.dense for macs in counted), sum(macs.nonzero for macs in counted))


@torch.no_grad()
def macs_by_layer(model: nn.Module, pixel_values: Tensor) -> dict[str, Macs]:
    """Returns the same by layer, without those that are not called."""
    counted: dict[str, Macs] = {}
    names = {layer: name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        positions = output.numel() // layer.weight.shape[0]  # places a filter is applied at, or tokens
        kept = int(layer.weight_mask.sum()) if isinstance(layer, MaskedLayer) else layer.weight.numel()
        before = counted.get(names[layer], Macs(0, 0))
        counted[names[layer]] = Macs(
            before.dense + positions * layer.weight.numel(), before.nonzero + positions * kept
        )

    hooks = [layer.register_forward_hook(count) for layer in names]
    try:
        model(pixel_values)
    finally:
        for hook in hooks:
            hook.remove()
    return counted
