"""The image processor saved beside a model: how a picture becomes the pixels that the model takes."""

from __future__ import annotations

from transformers import BaseImageProcessor, MobileViTImageProcessorPil, ViTImageProcessorPil

from ..backbones import Backbone
from ..errors import InputError

BILINEAR = 2


def unit_processor(side: int) -> ViTImageProcessorPil:
    """Returns a stock processor that resizes to a square of that side, in pixels, and scales to [0, 1]."""
    return ViTImageProcessorPil(do_normalize=False, **_square(side))


def normalising_processor(backbone: Backbone) -> BaseImageProcessor:
    """Returns a stock processor that gives a classifier of transformers its pixels.

    Raises:
        InputError: if there is none that puts blue first and does what the classifier was trained with.
    """
    mean, std = (backbone.normalisation[name] for name in ("image_mean", "image_std"))
    common = _square(backbone.image_size)
    if not is_bgr(backbone):
        return ViTImageProcessorPil(image_mean=mean, image_std=std, **common)
    if (mean, std) != ([0.0] * 3, [1.0] * 3):
        raise InputError(
            f"a {type(backbone.model).__name__} that takes blue first, less {mean}, divided by {std}, has no image processor "
            "of transformers; use the pruned model itself, or give --onnx"
        )
    return MobileViTImageProcessorPil(do_center_crop=False, do_flip_channel_order=True, **common)


def is_bgr(backbone: Backbone) -> bool:
    """Returns whether a classifier takes blue first."""
    return backbone.normalisation.get("channel_order") == "bgr"


def _square(side: int) -> dict[str, object]:
    return {"do_convert_rgb": True, "resample": BILINEAR, "size": {"height": side, "width": side}}
