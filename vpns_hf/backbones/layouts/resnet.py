"""ResNets of torchvision and timm, which name their tensors alike."""

from __future__ import annotations

import re
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
        kind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
        last = "conv3" if kind == "bottleneck" else "conv2"
        stages = list(takewhile(lambda stage: f"layer{stage}.0.{last}.weight" in shapes, count(1)))
        return ResNetConfig(
            num_channels=shapes["conv1.weight"][1],
            embedding_size=shapes["conv1.weight"][0],
            hidden_sizes=[shapes[f"layer{stage}.0.{last}.weight"][0] for stage in stages],
            depths=[_depth(shapes, f"layer{stage}") for stage in stages],
            layer_type=kind,
            num_labels=shapes["fc.weight"][0],
        )

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        return {ours: _theirs(ours) for ours in stock_shapes(config)}


def _depth(shapes: Shapes, stage: str) -> int:
    return len(list(takewhile(lambda block: f"{stage}.{block}.conv1.weight" in shapes, count())))


def _theirs(ours: str) -> str:
    for pattern, theirs in RENAMING.items():
        match = re.fullmatch(pattern, ours)
        if match:
            return theirs(*match.groups())
    raise ValueError(f"{ours} is no tensor of a ResNet of transformers")


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
