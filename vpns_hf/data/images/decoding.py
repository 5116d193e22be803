"""One stored picture of any mode (grey, palette, CMYK, 16 bits, floats) becomes RGB pixels; and many do, in parallel.

The pixels are those that `pipeline` and the image processor that is saved with a model see.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path

import datasets
import numpy as np
import torch
from datasets.utils.file_utils import is_local_path
from PIL import Image
from transformers.image_transforms import convert_to_rgb

from ..provenance import Origin
from .bad_images import BadImage

WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")  # which Pillow cuts off to [0, 255]
MOST_APART = 1  # grey levels between what is trained on and what a processor sees
SMALLEST_SIDE = 2  # pixels; what has less shows nothing, and is mostly a placeholder
CHUNK = 64  # images
# Versions of transformers that can give arrays warn of pictures.
AS_NUMPY = {"return_numpy": True} if "return_numpy" in signature(convert_to_rgb).parameters else {}
# PIL works outside the interpreter lock, but with files of fewer bytes threads mostly wait for each other to get it.
WORTH_A_THREAD = 8192


@dataclass(frozen=True)
class DecodedImage:
    """One image.

    Attributes:
        pixels: at each size that was asked for, uint8 (3, H, W).
        digest: of the bytes it is stored as.
        misread: what is to be said of it, if image processors see other pixels.
    """

    pixels: list[np.ndarray]
    digest: int
    misread: BadImage | None = None


def _at_hand(stored: dict) -> dict:
    """Reads the file of an image that is local: PIL would leave that of a broken image open."""
    path = stored["path"]
    if stored["bytes"] is None and path is not None and is_local_path(path):
        return {"bytes": Path(path).read_bytes(), "path": path}
    return stored


def to_rgb(image: Image.Image) -> Image.Image:
    """Returns 8-bit RGB of the first frame, as the image processor saved with a model sees it.

    Transparency is dropped, but where one colour stands for it; grey and CMYK become what PIL makes of them. What a processor misreads is scaled instead:
    values beyond 255 are taken for 16 bits and keep their upper byte, floats up to 1 are scaled to 255.
    """
    return _scaled(image) if is_misread(image) else _plain_rgb(image)


def is_misread(image: Image.Image) -> bool:
    """Returns whether a processor sees other pixels than the picture has: of values beyond 8 bits, or of fractions."""
    if image.mode not in WIDE_MODES:
        return False
    seen, meant = (np.asarray(rgb, dtype=np.int16) for rgb in (_plain_rgb(image), _scaled(image)))
    return bool(np.abs(seen - meant).max() > MOST_APART)


def _plain_rgb(image: Image.Image) -> Image.Image:
    if isinstance(image.info.get("transparency"), bytes):
        image = image.convert("RGBA")  # PIL warns when such a palette is converted in one step
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    # A colour that stands for transparency outlasts that, and processors see it.
    return (
        rgb if rgb.info.get("transparency") is None else Image.fromarray(np.asarray(convert_to_rgb(rgb, **AS_NUMPY)))
    )


def _scaled(image: Image.Image) -> Image.Image:
    """Returns RGB of an image of one of `WIDE_MODES`: values in [0, 255] as they are, others brought there."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F" and values.max() <= 1:
        values = (values * 255).round()
    elif values.max() > 255:
        values = values // 256
    return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")


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


def stack_kept(
    images: Sequence[DecodedImage | BadImage], on_bad_image: Callable[[BadImage, Origin], bool], origin: Origin
) -> torch.Tensor:
    """Returns images of one size, none of which may be left out any more, as uint8 (n, 3, H, W).

    Raises:
        InputError: `on_bad_image` does not put up with one.
    """
    for image in images:
        problem = image if isinstance(image, BadImage) else image.misread
        if problem is not None:
            on_bad_image(problem, origin)
    return torch.from_numpy(stack_planes([image.pixels[0] for image in images]))


class StoredDecoder:
    """Decodes images as they are stored.

    Args:
        threads: how many large images at a time; one for each core if not given.
    """

    def __init__(self, threads: int | None = None):
        self._pool = ThreadPoolExecutor(threads or _num_cores())  # starts no thread before it has work

    def decode(
        self, rows: Sequence[int], stored: Sequence[dict | None], sizes: Sequence[int | None]
    ) -> list[DecodedImage | BadImage]:
        """Decodes some images, in the given order.

        Args:
            rows: their numbers, for messages.
            stored: {"bytes": ..., "path": ...} of each, as `datasets.Image(decode=False)` gives it.
            sizes: what to resize each image to, in pixels; None keeps the size it has.

        Returns:
            Each image, or why it cannot be read.
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

    def decode(self, rows: Sequence[int], sizes: Sequence[int | None]) -> list[DecodedImage | BadImage]:
        """Decodes some rows in the given order; see `StoredDecoder.decode`."""
        return self._decoder.decode(rows, self._stored[rows][self._column], sizes)

    def chunks(self, sizes: Sequence[int | None]) -> Iterator[list[DecodedImage | BadImage]]:
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


def _decode(sizes: Sequence[int | None], row: int, stored: dict | None) -> DecodedImage | BadImage:
    try:
        stored = _at_hand(stored)
        image = datasets.Image().decode_example(stored)  # which minds the EXIF orientation
        if min(image.size) < SMALLEST_SIDE:
            sides = "{}x{} pixels".format(*image.size)
            raise ValueError(f"{sides}, where each side must have at least {SMALLEST_SIDE}")
        misread = BadImage.misreading(row, stored, image.mode) if is_misread(image) else None
        rgb = _plain_rgb(image) if misread is None else _scaled(image)
    except MemoryError:  # says nothing about the image
        raise
    except Exception as error:  # PIL's readers raise nearly anything about a broken file
        return BadImage.of(row, stored, error)
    pixels = [to_planes(rgb if size is None else to_square(rgb, size)) for size in sizes]
    return DecodedImage(pixels, _digest(stored), misread)


def _digest(stored: dict) -> int:
    """Returns 64 bits of the bytes of an image, of its address where they are elsewhere."""
    content = stored["path"].encode() if stored["bytes"] is None else stored["bytes"]
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
