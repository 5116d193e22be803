"""Every image of a split is decoded once, and handed to whoever keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import datasets
import numpy as np
from tqdm.auto import tqdm

from ...utils.bars import bars_are_hidden
from ..images import BadImage, ImageDecoder, stack_planes
from ..provenance import Origin
from .entries import CacheRecord, EntryWriter
from .folder import Layout
from .readable import none_readable


class MixedSizesError(Exception):
    """The images differ in size, so they cannot be kept at their own."""


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
        """Returns the shape (3, H, W) of the first image that can be read.

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

    def decode(self, writers: Mapping[Layout, EntryWriter | None]) -> dict[Layout, CacheRecord]:
        """Decodes all images, of which at least one can be read, in the order of the rows.

        Args:
            writers: what keeps the images of each layout; None where they are only tried.

        Returns:
            The record of each layout.

        Raises:
            InputError: `on_bad_image` does not put up with one that cannot be read.
            MixedSizesError: a layout is native, and not all images have one size.
        """
        shapes: dict[Layout, tuple[int, int, int]] = {}
        bad: list[BadImage] = []
        for chunk in self._chunks([layout.size for layout in writers]):
            for image in chunk:
                if isinstance(image, BadImage):
                    self.on_bad_image(image, self.origin)
                    bad.append(image)
            good = [image for image in chunk if not isinstance(image, BadImage)]
            # Without a good image there is nothing to take.
            for (layout, writer), images in zip(writers.items(), zip(*good, strict=True), strict=False):
                shape = shapes.setdefault(layout, images[0].shape)
                if any(image.shape != shape for image in images):
                    raise MixedSizesError
                if writer is not None:
                    writer.append(stack_planes(images))
        count = len(self.rows) - len(bad)
        return {
            layout: CacheRecord(self.name, shapes[layout], count, tuple(bad), kept=writer is not None)
            for layout, writer in writers.items()
        }

    def _chunks(self, sizes: list[int | None]) -> Iterator[list[list[np.ndarray] | BadImage]]:
        total, title = len(self.rows), f"Decoding {self.name}"
        with tqdm(total=total, desc=title, unit="img", disable=bars_are_hidden(not self.show_progress)) as progress:
            for chunk in ImageDecoder(self.rows, self.column).chunks(sizes):
                yield chunk
                progress.update(len(chunk))
