"""The images of a split, decoded in order and in parallel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import datasets
import numpy as np

from vpns_hf.data.bad_images import BadImage
from vpns_hf.data.rgb import decode_image, to_planes, to_square

CHUNK = 64  # images
# PIL works outside the interpreter lock, but with files of fewer bytes threads mostly wait for each other to get it.
WORTH_A_THREAD = 8192
SMALLEST_SIDE = 2  # pixels; what has less shows nothing, and is mostly a placeholder


class StoredDecoder:
    """Decodes images as they are stored.

    Args:
        threads: how many large images at a time; one for each core if not given.
    """

    def __init__(self, threads: int | None = None):
        self._pool = ThreadPoolExecutor(threads or num_cores())  # starts no thread before it has work

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
        self._stored = split.select_columns([column]).cast_column(column, datasets.Image(decode=False))
        self._column = column
        self._decoder = StoredDecoder(threads)

    def __len__(self) -> int:
        return len(self._stored)

    def decode(self, rows: Sequence[int], sizes: Sequence[int | None]) -> list[list[np.ndarray] | BadImage]:
        """Decodes some rows, in the given order.

        Args:
            rows: any of them.
            sizes: what to resize each image to, in pixels; None keeps the size it has.

        Returns:
            For each row the image at each size, uint8 (3, H, W), or why it cannot be read.
        """
        return self._decoder.decode(rows, self._stored[rows][self._column], sizes)

    def chunks(self, sizes: Sequence[int | None]) -> Iterator[list[list[np.ndarray] | BadImage]]:
        """What `decode` returns of all rows in order, some at a time."""
        for start in range(0, len(self), CHUNK):
            yield self.decode(range(start, min(start + CHUNK, len(self))), sizes)


def num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def own_cores() -> int:
    """The share of this process in the cores of the machine."""
    return max(1, num_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _are_small(stored: Sequence[dict | None]) -> bool:
    """Whether images are at hand and quickly decoded; files are not at hand."""
    sizes = [len(image["bytes"]) for image in stored if image and image["bytes"] is not None]
    return len(sizes) == len(stored) and sum(sizes) < WORTH_A_THREAD * len(sizes)


def _decode(sizes: Sequence[int | None], row: int, stored: dict | None) -> list[np.ndarray] | BadImage:
    try:
        image = decode_image(stored)
        _check_sides(image.size)
    except MemoryError:  # says nothing about the image
        raise
    except Exception as error:  # PIL's readers raise nearly anything about a broken file
        return BadImage.of(row, stored, error)
    return [to_planes(image if size is None else to_square(image, size)) for size in sizes]


def _check_sides(size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < SMALLEST_SIDE:
        raise ValueError(f"{width}x{height} pixels, where each side must have at least {SMALLEST_SIDE}")
