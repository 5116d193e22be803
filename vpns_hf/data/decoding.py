"""The images of a split, decoded in order and in parallel."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import datasets
import numpy as np
from tqdm.auto import tqdm

from vpns_hf.data.origins import Origin
from vpns_hf.data.rgb import decode_image, to_planes, to_square
from vpns_hf.errors import InputError

CHUNK = 256
# Images are kept at their own size only where resizing them first would make them more than this many times larger:
# cropping stored pixels costs one copy, resizing them costs two matrix products.
LARGEST_GROWTH = 2.0


class MixedSizesError(Exception):
    """The images differ in size, so they cannot be kept at their own."""


class ImageDecoder:
    """Decodes the images of one split.

    Args:
        split: has the column `column` of images.
        column: the image column.
        name: of the split, for the progress bar.
        origin: where the rows come from, for messages.
        disable_progress: show no progress bar.
    """

    def __init__(
        self, split: datasets.Dataset, column: str, name: str, origin: Origin, disable_progress: bool = False
    ):
        self._stored = split.select_columns([column]).cast_column(column, datasets.Image(decode=False))
        self._column = column
        self._name = name
        self._origin = origin
        self._disable_progress = disable_progress

    def __len__(self) -> int:
        return len(self._stored)

    def is_better_native(self, size: int) -> bool:
        """Whether images like the first one are much smaller than `size` x `size`."""
        _, height, width = self._decode(None, 0, self._stored[0][self._column]).shape
        return max(height, width) <= size and size * size > LARGEST_GROWTH * height * width

    def chunks(self, size: int | None) -> Iterator[np.ndarray]:
        """All images in order, some at a time: uint8 of shape (n, 3, size, size).

        Args:
            size: pixels; None keeps the size the images have.

        Raises:
            InputError: an image cannot be decoded; the message names split, row and file.
            MixedSizesError: `size` is None and not all images have one size.
        """
        threads = os.cpu_count() or 1
        piece = math.ceil(CHUNK / threads)
        progress = tqdm(total=len(self), desc=f"Decoding {self._name}", unit="img", disable=self._disable_progress)
        shape = None
        with progress, ThreadPoolExecutor(threads) as pool:  # PIL works outside the interpreter lock
            for start in range(0, len(self), CHUNK):
                rows = range(start, min(start + CHUNK, len(self)))
                pieces = [rows[first : first + piece] for first in range(0, len(rows), piece)]
                images = list(chain.from_iterable(pool.map(partial(self._decode_rows, size), pieces)))
                shape = shape or images[0].shape
                if any(image.shape != shape for image in images):
                    raise MixedSizesError
                yield np.stack(images)
                progress.update(len(images))

    def _decode_rows(self, size: int | None, rows: range) -> list[np.ndarray]:
        stored = self._stored[rows.start : rows.stop][self._column]
        return [self._decode(size, row, image) for row, image in zip(rows, stored, strict=True)]

    def _decode(self, size: int | None, row: int, stored: dict | None) -> np.ndarray:
        try:
            image = decode_image(stored)
        except Exception as error:  # PIL's readers raise nearly anything about a broken file
            path = (stored or {}).get("path")
            place = self._origin.describe(row) + (f", {path}," if path else "")
            raise InputError(f"{place} is no readable image ({type(error).__name__}); repair or remove it") from error
        return to_planes(image if size is None else to_square(image, size))
