"""Every image of a split is decoded once, and handed to whoever keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import datasets
import numpy as np
from tqdm.auto import tqdm

from ..images.bad_images import BadImage
from ..images.decoding import ImageDecoder, stack_planes
from ..provenance import Origin
from .entries import CacheRecord
from .folder import Layout
from .readable import none_readable


class MixedSizesError(Exception):
    """The images differ in size, so they cannot be kept at their own."""


class Writer(Protocol):
    """Takes decoded images."""

    def append(self, images: np.ndarray) -> None:
        """Adds uint8 images (n, 3, H, W)."""

    def finish(self) -> tuple[int, ...]:
        """Returns the checksums of what was kept."""


class NoWriter:
    """Keeps nothing."""

    def append(self, images: np.ndarray) -> None:
        pass

    def finish(self) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True)
class SplitImages:
    """The images of a split that are to be decoded.

    Attributes:
        rows: of the split.
        column: the image column.
        name: of the split.
        origin: where the rows come from, for messages.
        on_bad_image: is told of every image that cannot be read; may raise.
        show_progress: show a progress bar.
    """

    rows: datasets.Dataset
    column: str
    name: str
    origin: Origin
    on_bad_image: Callable[[BadImage, Origin], None]
    show_progress: bool = False

    def first_shape(self) -> tuple[int, int, int]:
        """The shape (3, H, W) of the first image that can be read.

        Raises:
            InputError: none can be read, or `on_bad_image` does not put up with those before.
        """
        decoder = ImageDecoder(self.rows, self.column, threads=1)
        for row in range(len(self.rows)):
            [image] = decoder.decode([row], [None])
            if not isinstance(image, BadImage):
                return image[0].shape
            self.on_bad_image(image, self.origin)
        raise none_readable(image, self.name, self.origin)

    def decode(self, writers: Mapping[Layout, Writer]) -> dict[Layout, CacheRecord]:
        """Decodes all images, of which at least one can be read, and hands them to the writers in the order of the rows.

        Returns:
            The record of each layout.

        Raises:
            InputError: `on_bad_image` does not put up with one that cannot.
            MixedSizesError: a layout is native, and not all images have one size.
        """
        takers = [_Taker(writer) for writer in writers.values()]
        bad = []
        for chunk in self._chunks([layout.size for layout in writers]):
            for image in chunk:
                if isinstance(image, BadImage):
                    self.on_bad_image(image, self.origin)
                    bad.append(image)
            good = [image for image in chunk if not isinstance(image, BadImage)]
            for taker, images in zip(takers, zip(*good, strict=True), strict=False):
                taker.take(images)
        return {
            layout: CacheRecord(self.name, taker.shape, len(self.rows) - len(bad), tuple(bad), taker.writer.finish())
            for layout, taker in zip(writers, takers, strict=True)
        }

    def _chunks(self, sizes: list[int | None]) -> Iterator[list[list[np.ndarray] | BadImage]]:
        total, title = len(self.rows), f"Decoding {self.name}"
        with tqdm(total=total, desc=title, unit="img", disable=not self.show_progress) as progress:
            for chunk in ImageDecoder(self.rows, self.column).chunks(sizes):
                yield chunk
                progress.update(len(chunk))


@dataclass
class _Taker:
    """Hands images to a writer, as long as they have one shape."""

    writer: Writer
    shape: tuple[int, int, int] | None = field(default=None)

    def take(self, images: tuple[np.ndarray, ...]) -> None:
        self.shape = self.shape or images[0].shape
        if any(image.shape != self.shape for image in images):
            raise MixedSizesError
        self.writer.append(stack_planes(images))
