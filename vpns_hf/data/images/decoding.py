"""One stored picture of any mode (grey, palette, CMYK, 16 bits, floats) becomes RGB pixels; and many do, in parallel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import datasets
import numpy as np
from datasets.utils.file_utils import is_local_path
from PIL import Image

from .bad_images import BadImage

SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L")
SMALLEST_SIDE = 2  # pixels; what has less shows nothing, and is mostly a placeholder
CHUNK = 64  # images
# PIL works outside the interpreter lock, but with files of fewer bytes threads mostly wait for each other to get it.
WORTH_A_THREAD = 8192


def decode_image(stored: dict) -> Image.Image:
    """Decodes one image of any mode into 8-bit RGB, turned the way its EXIF orientation says.

    Args:
        stored: {"bytes": ..., "path": ...}, as `datasets.Image(decode=False)` gives it.

    Raises:
        Exception: whatever PIL raises about an unreadable file.
    """
    path = stored["path"]
    if stored["bytes"] is None and path is not None and is_local_path(path):
        # PIL would leave the file of a broken image open.
        stored = {"bytes": Path(path).read_bytes(), "path": path}
    return to_rgb(datasets.Image().decode_example(stored))  # which minds the orientation


def to_rgb(image: Image.Image) -> Image.Image:
    """Returns 8-bit RGB of the first frame.

    Transparency is dropped, as the image processor saved with a model drops it. 16-bit values keep their upper byte;
    floats up to 1 are scaled to 255, others are cut off to [0, 255]. Grey and CMYK become what PIL makes of them.
    """
    if image.mode in SIXTEEN_BIT_MODES:
        image = Image.fromarray((np.asarray(image).astype(np.int32) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        image = Image.fromarray((values * (255 if values.max() <= 1 else 1)).round().clip(0, 255).astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA")  # PIL warns when a palette with transparency is converted in one step
    return image if image.mode == "RGB" else image.convert("RGB")


def to_square(image: Image.Image, size: int) -> Image.Image:
    """Resizes to `size` x `size` whatever the proportions: bilinear, antialiased."""
    if image.size == (size, size):
        return image  # which PIL would copy
    return image.resize((size, size), Image.Resampling.BILINEAR)


def to_planes(image: Image.Image) -> np.ndarray:
    """Returns the pixels as uint8 of shape (3, H, W), channels last in memory."""
    return np.asarray(image).transpose(2, 0, 1)


def stack_planes(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images (3, H, W) of one shape as one array (n, 3, H, W), channels last in memory."""
    return np.stack([image.transpose(1, 2, 0) for image in images]).transpose(0, 3, 1, 2)


class StoredDecoder:
    """Decodes images as they are stored.

    Args:
        threads: how many large images at a time; one for each core if not given.
    """

    def __init__(self, threads: int | None = None):
        self._pool = ThreadPoolExecutor(threads or _num_cores())  # starts no thread before it has work

    def decode(
        self, rows: Sequence[int], stored: Sequence[dict | None], sizes: Sequence[int | None]
    ) -> list[list[np.ndarray] | BadImage]:
        """Decodes some images, in the given order.

        Args:
            rows: their numbers, for messages.
            stored: {"bytes": ..., "path": ...} of each, as `datasets.Image(decode=False)` gives it.
            sizes: what to resize each image to, in pixels; None keeps the size it has.

        Returns:
            For each image the pixels at each size, uint8 (3, H, W), or why it cannot be read.
        """
        apply = map if _are_small(stored) else self._pool.map
        return list(apply(partial(_decode, sizes), rows, stored))


class ImageDecoder:
    """Decodes the images of one split.

    Args:
        split: has the column `column` of images.
        column: the image column.
        threads: how many large images at a time; one for each core if not given.
    """

    def __init__(self, split: datasets.Dataset, column: str, threads: int | None = None):
        plain = split.with_format(None).select_columns([column])
        self._stored = plain.cast_column(column, datasets.Image(decode=False))
        self._column = column
        self._decoder = StoredDecoder(threads)

    def decode(self, rows: Sequence[int], sizes: Sequence[int | None]) -> list[list[np.ndarray] | BadImage]:
        """Decodes some rows in the given order; see `StoredDecoder.decode`."""
        return self._decoder.decode(rows, self._stored[rows][self._column], sizes)

    def chunks(self, sizes: Sequence[int | None]) -> Iterator[list[list[np.ndarray] | BadImage]]:
        """Yields what `decode` returns of all rows in order, some at a time."""
        for start in range(0, len(self._stored), CHUNK):
            yield self.decode(range(start, min(start + CHUNK, len(self._stored))), sizes)


def own_cores() -> int:
    """Returns the share of this process in the cores of the machine."""
    return max(1, _num_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _are_small(stored: Sequence[dict | None]) -> bool:
    """Returns whether images are at hand and quickly decoded; files are not at hand."""
    sizes = [len(image["bytes"]) for image in stored if image and image["bytes"] is not None]
    return len(sizes) == len(stored) and sum(sizes) < WORTH_A_THREAD * len(sizes)


def _decode(sizes: Sequence[int | None], row: int, stored: dict | None) -> list[np.ndarray] | BadImage:
    try:
        image = decode_image(stored)
        if min(image.size) < SMALLEST_SIDE:
            sides = "{}x{} pixels".format(*image.size)
            raise ValueError(f"{sides}, where each side must have at least {SMALLEST_SIDE}")
    except MemoryError:  # says nothing about the image
        raise
    except Exception as error:  # PIL's readers raise nearly anything about a broken file
        return BadImage.of(row, stored, error)
    return [to_planes(image if size is None else to_square(image, size)) for size in sizes]
