"""The network of a checkpoint in torchvision's layout, as transformers names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from ..backbones import timm_name
from ..backbones.layouts import LAYOUTS, Layout
from ..errors import InputError

LISTED = 5  # layers that an error names before it counts the others
NETWORKS = ("resnet18", "resnet50", "vgg16", "vgg16_bn")  # of the released code; its two vgg differ by its version


@dataclass(frozen=True)
class OriginalNetwork:
    """A network under our names.

    Attributes:
        config: of its image classifier.
        tensors: its state dict, in storage of those given.
        layers: {our name: torchvision's name} of the layers that are pruned.
        notes: what was filled in, in sentences.
    """

    config: PreTrainedConfig
    tensors: dict[str, Tensor]
    layers: dict[str, str]
    notes: list[str]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], name: str | None = None) -> OriginalNetwork:
        """Recognises a network by names and shapes; every tensor is accounted for.

        Args:
            weights: under torchvision's names.
            name: one of `NETWORKS`, which it must be; None takes any that is recognised.

        Raises:
            InputError: if it is none, another one, or a tensor is missing, left over or of another shape.
        """
        layout = _layout(weights)
        config = layout.config({key: tensor.shape for key, tensor in weights.items()})
        if name is not None and timm_name(config) != name:
            raise InputError(f"the checkpoint holds {timm_name(config) or 'another network'}, not {name}")
        biases = _dropped_biases(weights) if config.model_type == "vgg" else {}
        tensors = layout.from_theirs({**weights, **biases}, config)
        names = layout.names(config)
        prunable = [key for key, tensor in tensors.items() if tensor.ndim > 1]
        layers = {key.removesuffix(".weight"): names[key].removesuffix(".weight") for key in prunable}
        dropped = [f"the {len(biases)} convolutions have no bias, as the released code drops it: they get one of 0"]
        return cls(config, tensors, layers, dropped if biases else [])

    def scores(self, originals: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the scores by our names of the layers, from those by torchvision's.

        Raises:
            InputError: if some are missing, left over, or not shaped like the weights.
        """
        shapes = {theirs: self.tensors[f"{ours}.weight"].shape for ours, theirs in self.layers.items()}
        missing = [name for name in shapes if name not in originals]
        if missing:
            raise InputError(f"the checkpoint has no scores of {_listing(missing)}; give one of a pruned network")
        unknown = [name for name in originals if name not in shapes]
        if unknown:
            raise InputError(
                f"the checkpoint has scores of {_listing(unknown)}, no layers of the network that is pruned"
            )
        for name, shape in shapes.items():
            if originals[name].shape != shape:
                raise InputError(
                    f"the scores of {name} have the shape {tuple(originals[name].shape)} for weights of {tuple(shape)}; "
                    "only a network whose single weights were pruned can be converted"
                )
        return {ours: originals[theirs].float() for ours, theirs in self.layers.items()}


def _layout(weights: Mapping[str, Tensor]) -> Layout:
    shapes = {key: tensor.shape for key, tensor in weights.items()}
    for layout in LAYOUTS["torchvision"].values():
        try:
            if layout.config(shapes) is not None:
                return layout
        except (LookupError, ValueError, ArithmeticError):  # tensors of these names, but misshaped
            continue
    raise InputError(
        f"tensors named {', '.join(list(weights)[:3])}, ... are no ResNet and no VGG of torchvision; "
        f"give a checkpoint of {', '.join(NETWORKS)}"
    )


def _dropped_biases(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns biases of 0 for the convolutions if none of them has a bias: so the released code computes a VGG.

    Where some have theirs, something else was lost; whoever accounts for the tensors says so.
    """
    convolutions = [key.removesuffix(".weight") for key, tensor in weights.items() if tensor.ndim == 4]
    if any(f"{name}.bias" in weights for name in convolutions):
        return {}
    return {f"{name}.bias": torch.zeros(len(weights[f"{name}.weight"])) for name in convolutions}


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
