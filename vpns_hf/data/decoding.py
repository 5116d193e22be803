"""The images of a split, decoded in order and in parallel."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import datasets
import numpy as np

from vpns_hf.data.bad_images import BadImage
from vpns_hf.data.rgb import decode_image, to_planes, to_square

CHUNK = 128  # images


class ImageDecoder:
    """Decodes the images of one split, on all cores: PIL works outside the interpreter lock.

    Args:
        split: has the column `column` of images.
        column: the image column.
        threads: how many images at a time; one for each core if not given.
    """

    def __init__(self, split: datasets.Dataset, column: str, threads: int | None = None):
        self._stored = split.select_columns([column]).cast_column(column, datasets.Image(decode=False))
        self._column = column
        self._threads = threads or num_cores()
        self._pool = ThreadPoolExecutor(self._threads)  # starts no thread before it has work

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
        piece = math.ceil(len(rows) / self._threads)
        pieces = [rows[first : first + piece] for first in range(0, len(rows), piece)]
        return list(chain.from_iterable(self._pool.map(partial(self._decode_rows, sizes), pieces)))

    def chunks(self, sizes: Sequence[int | None]) -> Iterator[list[list[np.ndarray] | BadImage]]:
        """What `decode` returns of all rows in order, some at a time."""
        for start in range(0, len(self), CHUNK):
            yield self.decode(range(start, min(start + CHUNK, len(self))), sizes)

    def _decode_rows(self, sizes: Sequence[int | None], rows: Sequence[int]) -> list[list[np.ndarray] | BadImage]:
        stored = self._stored[rows][self._column]
        return [_decode(sizes, *pair) for pair in zip(rows, stored, strict=True)]


def num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _decode(sizes: Sequence[int | None], row: int, stored: dict | None) -> list[np.ndarray] | BadImage:
    try:
        image = decode_image(stored)
    except MemoryError:  # says nothing about the image
        raise
    except Exception as error:  # PIL's readers raise nearly anything about a broken file
        return BadImage.of(row, stored, error)
    return [to_planes(image if size is None else to_square(image, size)) for size in sizes]
