"""Tensor names of other libraries, by library and by the `model_type` of transformers."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Layout, Shapes, stock_shapes
from .resnet import ResNetLayout
from .vgg import TimmVggLayout, TorchvisionVggLayout

LAYOUTS: dict[str, dict[str, Layout]] = {
    "timm": {"resnet": ResNetLayout(), "vgg": TimmVggLayout()},
    "torchvision": {"resnet": ResNetLayout(), "vgg": TorchvisionVggLayout()},
}


def layouts() -> Iterator[Layout]:
    """Yields every layout once."""
    yield from {type(layout): layout for library in LAYOUTS.values() for layout in library.values()}.values()


__all__ = ["LAYOUTS", "Layout", "Shapes", "layouts", "stock_shapes"]
