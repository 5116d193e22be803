"""ResNets of torchvision and timm, which name their tensors alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count, takewhile

from transformers import PreTrainedConfig, ResNetConfig

from .base import Layout, Shapes, stock_shapes


class ResNetLayout(Layout):
    """`conv1`, `bn1`, `layer1.0.conv1`, `layer1.0.downsample.0`, ..., `fc` of `torchvision.models.resnet`.

    The stride of a bottleneck is in its 3x3 convolution, as in torchvision ("ResNet v1.5") and in `ResNetConfig` by default.
    """

    head = "fc"

    def config(self, shapes: Shapes) -> PreTrainedConfig | None:
        if not {"conv1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.weight", "fc.weight"} <= shapes.keys():
            return None
        kind, last = ("bottleneck", 3) if any(".conv3." in name for name in shapes) else ("basic", 2)
        stages = [f"layer{stage}" for stage in takewhile(lambda stage: _depth(shapes, f"layer{stage}"), count(1))]
        return ResNetConfig(
            num_channels=shapes["conv1.weight"][1],
            embedding_size=shapes["conv1.weight"][0],
            hidden_sizes=[_width(shapes, f"{stage}.0", last) for stage in stages],
            depths=[_depth(shapes, stage) for stage in stages],
            layer_type=kind,
            num_labels=shapes["fc.weight"][0],
        )

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        return {ours: _theirs(ours) for ours in stock_shapes(config)}

    def renaming(self, ours: Iterable[str]) -> dict[str, str] | None:
        names = {name: _theirs(name) for name in ours}
        return None if None in names.values() else names


def _theirs(ours: str) -> str | None:
    matches = ((re.fullmatch(pattern, ours), theirs) for pattern, theirs in RENAMING.items())
    return next((theirs(*match.groups()) for match, theirs in matches if match), None)


def _depth(shapes: Shapes, stage: str) -> int:
    return len(list(takewhile(lambda block: f"{stage}.{block}.conv1.weight" in shapes, count())))


def _width(shapes: Shapes, block: str, last: int) -> int:
    """Returns the channels a block gives; where its last convolution is missing, those of the batch norm after it."""
    found = (shapes.get(f"{block}.{layer}{last}.weight") for layer in ("conv", "bn"))
    return next((shape[0] for shape in found if shape), 1)


LEAF = r"\.(\w+)"
BLOCK = r"resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)"
RENAMING = {
    r"resnet\.embedder\.embedder\.convolution" + LEAF: lambda leaf: f"conv1.{leaf}",
    r"resnet\.embedder\.embedder\.normalization" + LEAF: lambda leaf: f"bn1.{leaf}",
    BLOCK + r"\.shortcut\.convolution" + LEAF: lambda s, b, leaf: f"layer{int(s) + 1}.{b}.downsample.0.{leaf}",
    BLOCK + r"\.shortcut\.normalization" + LEAF: lambda s, b, leaf: f"layer{int(s) + 1}.{b}.downsample.1.{leaf}",
    BLOCK + r"\.layer\.(\d+)\.convolution" + LEAF: lambda s, b, i, leaf: (
        f"layer{int(s) + 1}.{b}.conv{int(i) + 1}.{leaf}"
    ),
    BLOCK + r"\.layer\.(\d+)\.normalization" + LEAF: lambda s, b, i, leaf: (
        f"layer{int(s) + 1}.{b}.bn{int(i) + 1}.{leaf}"
    ),
    r"classifier\.1" + LEAF: lambda leaf: f"fc.{leaf}",
}
