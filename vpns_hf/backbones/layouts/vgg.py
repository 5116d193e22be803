"""VGGs of torchvision and timm: the same names of the features, others of the classifier."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isqrt

import torch
from transformers import PreTrainedConfig

from vpns_hf.models.configuration_vgg import VARIANTS, VggConfig

from .base import Layout, Shapes, stock_shapes

KERNEL = (3, 3)
HEAD, FC1, FC2 = "classifier", "vgg.pooler.fc1", "vgg.pooler.fc2"
Depths = Sequence[int]  # convolutions of each stage


class VggLayout(Layout):
    """`features.N` of `torchvision.models.vgg`, where N counts convolutions, batch norms, ReLUs and maxima alike.

    The depths are taken to be those of `VARIANTS`, so that a network that lost a whole layer is not mistaken for a smaller one.

    Attributes:
        classifier: {our name: their name} of the three layers after the features.
    """

    classifier: Mapping[str, str]

    def config(self, shapes: Shapes) -> PreTrainedConfig | None:
        first, head = shapes.get("features.0.weight"), shapes.get(f"{self.head}.weight")
        fc1, fc2 = (_width(shapes, [self.classifier[layer]]) for layer in (FC1, FC2))
        if first is None or first[2:] != KERNEL or head is None or not (fc1 or fc2):
            return None
        depths, batch_norm = _nearest_variant(shapes)
        layers = _features(depths, batch_norm)
        widths = [_width(shapes, [layers[name] for name in _stage(layers, stage)]) for stage in range(len(depths))]
        return VggConfig(
            num_channels=first[1],
            depths=depths,
            hidden_sizes=[width or 1 for width in widths],
            batch_norm=batch_norm,
            pooled_size=_pooled_size(shapes.get(f"{self.classifier[FC1]}.weight"), widths[-1]),
            classifier_size=fc1 or fc2,
            num_labels=head[0],
        )

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        layers = {**_features(config.depths, config.batch_norm), **self.classifier}
        return _renamed(stock_shapes(config), layers)


class TorchvisionVggLayout(VggLayout):
    """The hidden layers of the classifier are linear, as here."""

    head = "classifier.6"
    classifier: Mapping[str, str] = {FC1: "classifier.0", FC2: "classifier.3", HEAD: head}

    def renaming(self, ours: Iterable[str]) -> dict[str, str] | None:
        names = list(ours)
        found = {re.match(r"vgg\.encoder\.stages\.(\d+)\.layers\.(\d+)\.", name) for name in names} - {None}
        ...


class TimmVggLayout(VggLayout):
    """The hidden layers of the classifier are convolutions, the first with a kernel as large as its input.

    timm moves them over feature maps that are larger, of pictures of more than 255 pixels, where torchvision takes the
    mean to 7x7 first, as here; up to there both compute the same.
    """

    head = "head.fc"
    classifier: Mapping[str, str] = {FC1: "pre_logits.fc1", FC2: "pre_logits.fc2", HEAD: head}
