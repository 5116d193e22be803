"""ResNets of torchvision and timm, which name their tensors alike."""

from __future__ import annotations

import re

from transformers import PreTrainedConfig, ResNetConfig

from .base import Layout, Shapes, extent, stock_shapes


class ResNetLayout(Layout):
    """`conv1`, `bn1`, `layer1.0.conv1`, `layer1.0.downsample.0`, ..., `fc` of `torchvision.models.resnet`.

    The stride of a bottleneck is in its 3x3 convolution, as in torchvision ("ResNet v1.5") and in `ResNetConfig` by default.
    """

    head = "fc"

    def config(self, shapes: Shapes) -> PreTrainedConfig | None:
        if not all(shapes.keys() & some for some in MARKS):
            return None
        kind, last = ("bottleneck", 3) if any(".conv3." in name for name in shapes) else ("basic", 2)
        stages = [f"layer{stage}" for stage in range(1, 1 + _numbered(shapes, "layer", 1))]
        return ResNetConfig(
            num_channels=extent(shapes.get("conv1.weight"), 1) or 3,
            embedding_size=_outputs(shapes, "conv1", "bn1"),
            hidden_sizes=[_outputs(shapes, f"{stage}.0.conv{last}", f"{stage}.0.bn{last}") for stage in stages],
            depths=[_numbered(shapes, f"{stage}.", 0) for stage in stages],
            layer_type=kind,
            num_labels=extent(shapes["fc.weight"], 0) or 1,
        )

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        return {ours: _theirs(ours) for ours in stock_shapes(config)}


def _theirs(ours: str) -> str | None:
    matches = ((re.fullmatch(pattern, ours), theirs) for pattern, theirs in RENAMING.items())
    return next((theirs(*match.groups()) for match, theirs in matches if match), None)


def _numbered(shapes: Shapes, prefix: str, first: int) -> int:
    """Returns how many modules from number `first` on there must be for the last one that has a tensor."""
    found = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in shapes)
    last = max((int(match[1]) + 1 - first for match in found if match), default=0)
    return min(last, len(shapes))  # a name may hold any number


def _outputs(shapes: Shapes, *layers: str) -> int:
    """Returns the channels of the first layer whose weight is there and has any: of a convolution, or its batch norm."""
    found = (extent(shapes.get(f"{layer}.weight"), 0) for layer in layers)
    return next(filter(None, found), 1)


# Of each of these a file has one at least, even where a layer got lost: then it can be named.
MARKS = (
    {"fc.weight"},
    {"conv1.weight", "bn1.weight"},
    {"layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.conv2.weight"},
)
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
