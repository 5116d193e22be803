"""VGGs of torchvision and timm, which name the features alike and the classifier each in their own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt

import torch
from transformers import PreTrainedConfig

from ...models.configuration_vgg import VARIANTS, VggConfig
from .base import Layout, Shapes, extent, stock_shapes

HEAD, FC1, FC2 = "classifier", "vgg.pooler.fc1", "vgg.pooler.fc2"
Layers = dict[str, str]  # {our name: their name} of layers


class VggLayout(Layout):
    """`features.N` of `torchvision.models.vgg`, where N counts convolutions, batch norms, ReLUs and maxima alike.

    The depths are those of one of `VARIANTS`, so that a network without one of its layers does not pass for a smaller one.

    Attributes:
        classifier: {our name: their name} of the three layers after the features.
    """

    classifier: Mapping[str, str]

    def config(self, shapes: Shapes) -> PreTrainedConfig | None:
        head = shapes.get(f"{self.head}.weight")
        width = _outputs(shapes, self.classifier[FC1]) or _outputs(shapes, self.classifier[FC2])
        if head is None or width is None or not any(name.startswith("features.") for name in shapes):
            return None
        depths, batch_norm = _nearest_variant(shapes)
        found = [[_outputs(shapes, layer) for layer in stage.values()] for stage in _stages(depths, batch_norm)]
        hidden_sizes = [next(filter(None, outputs), 1) for outputs in found]
        return VggConfig(
            num_channels=extent(shapes.get("features.0.weight"), 1) or 3,
            depths=depths,
            hidden_sizes=hidden_sizes,
            batch_norm=batch_norm,
            pooled_size=_pooled_size(shapes.get(f"{self.classifier[FC1]}.weight"), hidden_sizes[-1]),
            classifier_size=width,
            num_labels=extent(head, 0) or 1,
        )

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        layers = {**_features(config.depths, config.batch_norm), **self.classifier}
        return {ours: _renamed(ours, layers) for ours in stock_shapes(config)}


class TorchvisionVggLayout(VggLayout):
    """The hidden layers of the classifier are linear ones, as here."""

    head = "classifier.6"
    classifier: Mapping[str, str] = {FC1: "classifier.0", FC2: "classifier.3", HEAD: head}


class TimmVggLayout(VggLayout):
    """The hidden layers of the classifier are convolutions, the first with a kernel as large as the pooled features.

    timm slides them over a larger feature map, from pictures of 256 pixels on; torchvision takes its mean to 7x7 first,
    and so do we. Up to there both compute the same.
    """

    head = "head.fc"
    classifier: Mapping[str, str] = {FC1: "pre_logits.fc1", FC2: "pre_logits.fc2", HEAD: head}

    def shapes(self, config: PreTrainedConfig) -> dict[str, torch.Size]:
        width, side = config.classifier_size, config.pooled_size
        return {
            **super().shapes(config),
            "pre_logits.fc1.weight": torch.Size((width, config.hidden_sizes[-1], side, side)),
            "pre_logits.fc2.weight": torch.Size((width, width, 1, 1)),
        }


def _stages(depths: Sequence[int], batch_norm: bool) -> list[Layers]:
    """Returns the layers with parameters of each stage."""
    stages, position = [], 0
    for stage, depth in enumerate(depths):
        layers = {}
        for layer in range(depth):
            ours = f"vgg.encoder.stages.{stage}.layers.{layer}"
            layers[f"{ours}.convolution"] = f"features.{position}"
            if batch_norm:
                layers[f"{ours}.normalization"] = f"features.{position + 1}"
            position += 3 if batch_norm else 2  # with the ReLU
        stages.append(layers)
        position += 1  # the maximum
    return stages


def _features(depths: Sequence[int], batch_norm: bool) -> Layers:
    return {ours: theirs for layers in _stages(depths, batch_norm) for ours, theirs in layers.items()}


def _renamed(ours: str, layers: Mapping[str, str]) -> str:
    layer, _, leaf = ours.rpartition(".")
    return f"{layers[layer]}.{leaf}"


def _nearest_variant(shapes: Shapes) -> tuple[Sequence[int], bool]:
    """Returns depths and batch norm of the variant whose layers differ least from those there."""
    there = {name.rpartition(".")[0] for name in shapes if name.startswith("features.")}
    variants = [(depths, batch_norm) for depths in VARIANTS.values() for batch_norm in (False, True)]
    return min(variants, key=lambda variant: len(there ^ set(_features(*variant).values())))


def _outputs(shapes: Shapes, layer: str) -> int | None:
    """Returns the number of outputs of a layer, None if none of its tensors is there."""
    found = (extent(shapes.get(f"{layer}.{leaf}"), 0) for leaf in ("weight", "bias"))
    return next(filter(None, found), None)


def _pooled_size(weight: torch.Size | None, channels: int) -> int:
    """Returns the side of the feature map that a linear layer, or a convolution as large as the map, reads."""
    return 7 if weight is None else max(isqrt(weight[1:].numel() // channels), 1)
