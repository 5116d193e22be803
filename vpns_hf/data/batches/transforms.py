"""From decoded bytes to what the model takes: batched, on the device, without a Python step per image."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch

from ...errors import InputError
from ..take import Take
from .crops import CropPlan, Crops, crop, to_unit
from .resampling import SquareResize


class Transform(Protocol):
    """What a loader needs of a transform.

    `resize_size` is the square an image is resized to before anything is cut, the size to cache images for.
    """

    image_size: int
    resize_size: int

    def plan(self, count: int, generator: torch.Generator) -> CropPlan:
        """Crops for the `count` images of an epoch."""

    def __call__(self, images: Take, crops: Crops) -> torch.Tensor:
        """B images to float32 (B, 3, I, I) in [0, 1], channels last in memory."""


class TrainTransform:
    """Resize to a square of 9/8 of the image size, cut a random window, mirror half of the images.

    Args:
        image_size: I, the side of the result in pixels, at least 1.
        flip: mirror at all; False where a mirrored image is of another class.
    """

    def __init__(self, image_size: int, flip: bool = True):
        self.image_size = _checked(image_size)
        self.resize_size = int(image_size * 9 / 8)
        self.flip = flip
        self._window = _Window(self.image_size, self.resize_size)

    def plan(self, count: int, generator: torch.Generator) -> CropPlan:
        """Returns random crops for `count` images: every corner and both directions equally often."""
        places = self.resize_size - self.image_size + 1
        top, left = torch.randint(places, (2, count), generator=generator)
        flip = torch.randint(2, (count,), generator=generator).bool()
        return CropPlan(top, left, flip if self.flip else None)

    def __call__(self, images: Take, crops: Crops) -> torch.Tensor:
        """Cuts `crops` out of B images: float32 (B, 3, I, I) in [0, 1]."""
        return self._window(images, crops)


class EvalTransform:
    """Resize to a square of the image size.

    Args:
        image_size: I, the side of the result in pixels, at least 1.
    """

    def __init__(self, image_size: int):
        self.image_size = self.resize_size = _checked(image_size)
        self._window = _Window(image_size, image_size)

    def plan(self, count: int, generator: torch.Generator) -> CropPlan:
        """Returns the whole of `count` images; draws nothing."""
        return CropPlan.whole(count)

    def __call__(self, images: Take, crops: Crops | None = None) -> torch.Tensor:
        """Resizes B images: float32 (B, 3, I, I) in [0, 1]."""
        return self._window(images, crops or Crops.whole(len(images), images.device))


class _Window:
    """Resizes where that is still to be done, and cuts."""

    def __init__(self, image_size: int, resize_size: int):
        self._image_size = image_size
        self._resize_size = resize_size
        self._resizes: dict[tuple, SquareResize] = {}

    @torch.no_grad()
    def __call__(self, images: Take, crops: Crops) -> torch.Tensor:
        size, resized = self._image_size, self._resize_size
        result = torch.empty(len(images), size, size, 3, device=images.device)
        with _full_precision(images.device.type):
            if images.size != (resized, resized):
                self._resize_for(images)(images.picked(), crops, result)
            elif size == resized and not crops.mirrored:
                to_unit(images.picked(), result)
            else:
                crop(*images.in_place(), crops, result)
        return result.permute(0, 3, 1, 2)

    def _resize_for(self, images: Take) -> SquareResize:
        height, width = images.size
        key = (height, width, images.device)
        if key not in self._resizes:
            self._resizes[key] = SquareResize(height, width, self._resize_size, self._image_size, images.device)
        return self._resizes[key]


def _full_precision(device_type: str) -> AbstractContextManager:
    """Products in float32 even where the network is to compute in less."""
    return torch.autocast(device_type, enabled=False) if torch.is_autocast_enabled(device_type) else nullcontext()


def _checked(image_size: int) -> int:
    if image_size < 1:
        raise InputError(f"image_size is {image_size}; give the side of the image in pixels, at least 1")
    return image_size
