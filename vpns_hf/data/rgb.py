"""One stored image becomes RGB pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
from datasets.utils.file_utils import is_local_path
from PIL import Image

STORED = datasets.Image()
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L")


def decode_image(stored: dict) -> Image.Image:
    """Decode one image of any mode into 8-bit RGB, turned the way its EXIF orientation says.

    Args:
        stored: {"bytes": ..., "path": ...}, as `datasets.Image(decode=False)` gives it.

    Raises:
        Exception: whatever PIL raises about an unreadable file.
    """
    path = stored["path"]
    if stored["bytes"] is None and path is not None and is_local_path(path):
        # PIL would leave the file of a broken image open.
        stored = {"bytes": Path(path).read_bytes(), "path": path}
    return to_rgb(STORED.decode_example(stored))  # which minds the orientation


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB of the first frame.

    Transparency is dropped, as the image processor saved with a model drops it. 16-bit values keep their upper byte;
    floats up to 1 are scaled to 255, others are cut off to [0, 255].
    """
    if image.mode in SIXTEEN_BIT_MODES:
        image = Image.fromarray((np.asarray(image).astype(np.int32) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        image = Image.fromarray(_bytes_of_floats(np.nan_to_num(np.asarray(image))))
    if image.mode == "P":
        image = image.convert("RGBA")  # PIL warns when a palette with transparency is converted in one step
    return image if image.mode == "RGB" else image.convert("RGB")


def to_square(image: Image.Image, size: int) -> Image.Image:
    """Resize to `size` x `size` whatever the proportions: bilinear, antialiased."""
    if image.size == (size, size):
        return image  # which PIL would copy
    return image.resize((size, size), Image.Resampling.BILINEAR)


def to_planes(image: Image.Image) -> np.ndarray:
    """The pixels as uint8 of shape (3, H, W), channels last in memory."""
    return np.asarray(image).transpose(2, 0, 1)


def stack_planes(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images (3, H, W) of one shape as one array (n, 3, H, W), channels last in memory."""
    return np.stack([image.transpose(1, 2, 0) for image in images]).transpose(0, 3, 1, 2)


def _bytes_of_floats(values: np.ndarray) -> np.ndarray:
    scale = 255 if values.max() <= 1 else 1
    return (values * scale).round().clip(0, 255).astype(np.uint8)
