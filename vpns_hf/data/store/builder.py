"""Every image of a split is decoded once, and handed to whoever keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import datasets
import numpy as np
from tqdm.auto import tqdm

from ...utils.bars import bars_are_hidden
from ..images import BadImage, DecodedImage, ImageDecoder, stack_planes
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
        on_bad_image: says whether an image that is misread is kept, and is told of those that cannot be read; may raise.
        show_progress: show a progress bar.
    """

    rows: datasets.Dataset
    column: str
    name: str
    origin: Origin
    on_bad_image: Callable[[BadImage, Origin], bool]
    show_progress: bool = False

    def first_shape(self) -> tuple[int, int, int]:
        """Returns the shape (3, H, W) of the first image that can be read.

        Raises:
            InputError: none can be read, or `on_bad_image` does not put up with those before.
        """
        decoder = ImageDecoder(self.rows, self.column, threads=1)
        for row in range(len(self.rows)):
            [image] = decoder.decode([row], [None])
            if self._is_kept(image):
                return image.pixels[0].shape
        raise none_readable(_problem(image), self.name, self.origin)

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
        misread: list[BadImage] = []
        digests: list[int] = []
        for chunk in self._chunks([layout.size for layout in writers]):
            kept = []
            for image in chunk:
                if self._is_kept(image):
                    kept.append(image)
                else:
                    bad.append(_problem(image))
            # Without an image there is nothing to take.
            for layout, images in zip(writers, zip(*(image.pixels for image in kept), strict=True), strict=False):
                shape = shapes.setdefault(layout, images[0].shape)
                if any(image.shape != shape for image in images):
                    raise MixedSizesError
                if writers[layout] is not None:
                    writers[layout].append(stack_planes(images))
            misread += [image.misread for image in kept if image.misread is not None]
            digests += [image.digest for image in kept]
        rest = {"misread": tuple(misread), "digests": np.array(digests, dtype=np.uint64)}
        return {
            layout: CacheRecord(self.name, shapes[layout], len(digests), tuple(bad), writer is not None, **rest)
            for layout, writer in writers.items()
        }

    def _is_kept(self, image: DecodedImage | BadImage) -> bool:
        problem = _problem(image)
        return problem is None or self.on_bad_image(problem, self.origin)

    def _chunks(self, sizes: list[int | None]) -> Iterator[list[DecodedImage | BadImage]]:
        total, title = len(self.rows), f"Decoding {self.name}"
        with tqdm(total=total, desc=title, unit="img", disable=bars_are_hidden(not self.show_progress)) as progress:
            for chunk in ImageDecoder(self.rows, self.column).chunks(sizes):
                yield chunk
                progress.update(len(chunk))


def _problem(image: DecodedImage | BadImage) -> BadImage | None:
    return image if isinstance(image, BadImage) else image.misread
