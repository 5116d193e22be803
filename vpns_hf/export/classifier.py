"""What an exported file computes: from pixels in [0, 1] to the logits of the classes, normalisation included."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..models import VPNsForImageClassification
from .processors import is_bgr
from .sources import Source

Classify = Callable[[Tensor], Tensor]
"""From pixels in [0, 1], float32 (B, 3, I, I), to logits, float32 (B, C)."""


class Library(NamedTuple):
    """What runs files: as a reader knows it, and as pip does."""

    name: str
    package: str


ONNX_RUNTIME, MNN = Library("ONNX Runtime", "onnxruntime"), Library("MNN", "MNN")


class PixelClassifier(nn.Module):
    """A dense network behind normalisation, and behind the visual prompt as a constant picture if asked for.

    Args:
        source: the model; a dense one, or a pruned one that was folded.
        prompted: whether to apply the visual prompt.

    Shape:
        input (B, 3, I, I) in [0, 1] -> logits (B, C).

    Raises:
        InputError: if there is no prompt to apply.
    """

    def __init__(self, source: Source, prompted: bool) -> None:
        super().__init__()
        known = source.backbone.normalisation
        self.prompt = FixedPrompt(_with_prompt(source)) if prompted else nn.Identity()
        self.takes_bgr = is_bgr(source.backbone)
        for name in ("image_mean", "image_std"):
            self.register_buffer(name, torch.tensor(known[name]).view(1, -1, 1, 1))
        self.network = source.backbone.model
        self.eval().requires_grad_(False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        pixels = self.prompt(pixel_values)
        if self.takes_bgr:
            pixels = pixels.flip(1)
        return self.network((pixels - self.image_mean) / self.image_std).logits


class FixedPrompt(nn.Module):
    """The visual prompt of a model as it is in evaluation: its picture is added to the pixels, centred on zeros."""

    def __init__(self, model: VPNsForImageClassification) -> None:
        super().__init__()
        self.centre = model.visual_prompt.centre
        self.register_buffer("picture", model.prompt_picture())

    def forward(self, pixel_values: Tensor) -> Tensor:
        return (self.centre(pixel_values) + self.picture).clamp(0, 1)


def reference_of(source: Source, prompted: bool) -> Classify:
    """Returns what a file has to agree with: the pruned model itself; of a dense one the network.

    Raises:
        InputError: if there is no prompt to apply.
    """
    if source.pruned is None:
        return torch.no_grad()(PixelClassifier(source, prompted))
    model = source.pruned.eval()
    return torch.no_grad()(lambda pixels: model(pixels, prompted=prompted).logits)


def _with_prompt(source: Source) -> VPNsForImageClassification:
    if source.pruned is None or not source.pruned.has_prompt:
        raise InputError("this model has no visual prompt; leave out --with_prompt")
    return source.pruned
