"""Images decoded once and kept on disk as plain bytes.

Decoding costs far more than anything else the input side does, so it is done once per data set; training then only
gathers rows of a memory-mapped uint8 tensor.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import datasets

from ...errors import InputError
from ..images import ON_BAD_IMAGE, ON_LATE_BAD_IMAGE, ImageCache, ImageSource, keep, report, report_kept
from ..provenance import Origin
from ..sources import Columns
from .builder import MixedSizesError, SplitImages
from .disk_space import CACHING, FULL, WAYS_OUT, DiskSpace, default_cache_dir
from .entries import EntryWriter, open_images
from .folder import NATIVE, CacheFolder, Entry, Layout, is_better_native
from .on_the_fly import UncachedImages
from .readable import readable_rows

logger = logging.getLogger(__name__)


class ImageStore:
    """Decodes the images of splits, or opens what an earlier run has decoded.

    Small images of one common size are kept as they are, and the transforms resize them; others are kept resized to
    a square (bilinear, antialiased). Images for which there is no room are decoded whenever they are read, after all
    of them were tried once; so are those that are not to be kept, for which the folder is neither read nor written.

    Args:
        columns: the image and the label column.
        cache_dir: default `$VPNS_CACHE`, else `~/.cache/vpns_hf`.
        caching: one of `CACHING`.
        on_bad_image: one of `ON_BAD_IMAGE`.
        show_progress: show a progress bar while decoding.
    """

    def __init__(
        self,
        columns: Columns,
        cache_dir: str | os.PathLike | None = None,
        caching: str = "auto",
        on_bad_image: str = "error",
        show_progress: bool = False,
    ):
        self.root = Path(cache_dir).expanduser() if cache_dir is not None else default_cache_dir()
        self._columns = columns
        self._caching = caching
        self._choice = on_bad_image
        self._on_bad_image = ON_BAD_IMAGE[on_bad_image]
        self._show_progress = show_progress

    def open(
        self, split: datasets.Dataset, sizes: Sequence[int], name: str = "train", origin: Origin | None = None
    ) -> list[ImageSource]:
        """Returns the images of a split for each of several transforms, decoded in one go where they are not there yet.

        Args:
            split: rows with an image column and a column of integer labels.
            sizes: pixels; the `resize_size` of the transforms.
            name: of the split, for the progress bar and for messages.
            origin: where the rows come from, for messages; None takes them for all rows of a split of that name.

        Raises:
            InputError: an image cannot be read (the message names split, row and file) and is not to be left out, a
                class has none left, or the images cannot be kept.
        """
        images = self._images(split, name, origin)
        entries = self._entries(images, list(dict.fromkeys(sizes)))
        record = entries[sizes[0]].record
        for image in record.bad:
            self._on_bad_image(image, images.origin)
        report(record.bad, images.origin)
        report_kept(record.misread, images.origin)
        sources = {entry.layout: self._source(entry, images) for entry in entries.values()}
        return [sources[entries[size].layout] for size in sizes]

    def space(
        self, split: datasets.Dataset, sizes: Sequence[int], name: str = "train", origin: Origin | None = None
    ) -> DiskSpace:
        """Returns what `open` would write, judging by the first image; takes the same arguments."""
        if self._caching == "no":
            return DiskSpace.of(self.root, 0)
        images = self._images(split, name, origin)
        missing = _missing(self._folder(images).find_all(sizes))
        if not missing:
            return DiskSpace.of(self.root, 0)
        shape = images.first_shape()
        needed = sum(layout.bytes_of(shape) for layout in set(_layouts(missing, shape).values()))
        return DiskSpace.of(self.root, needed * len(split))

    def _images(self, split: datasets.Dataset, name: str, origin: Origin | None) -> SplitImages:
        if len(split) == 0:
            raise InputError(f"the {name} split is empty; give it at least one image")
        origin = origin or Origin.whole({name: len(split)})
        return SplitImages(split, self._columns.image, name, origin, self._on_bad_image, self._show_progress)

    def _folder(self, images: SplitImages) -> CacheFolder:
        # Who keeps what is misread has other images than who does not.
        return CacheFolder(self.root, images.rows, images.column, "keep" if self._on_bad_image is keep else "")

    def _entries(self, images: SplitImages, sizes: Sequence[int]) -> dict[int, Entry]:
        if self._caching == "no":
            return self._complete(images, dict.fromkeys(sizes), None)
        folder = self._folder(images)
        found = folder.find_all(sizes)
        if not _missing(found):
            return found  # which needs no lock, nor leave to write
        try:
            with folder.locked(images.name):  # a second process waits for the first instead of decoding again
                found = folder.find_all(sizes)
                folder.warn_of_unusable()
                return self._complete(images, found, folder)
        except OSError as error:
            if self._caching == "yes" or error.errno not in FULL:
                raise InputError(
                    f"cannot write the decoded images to {self.root} ({error.strerror or error}); "
                    "choose another folder with cache_dir or VPNS_CACHE"
                ) from error
            logger.warning("%s cannot be written: decoding images for every batch, which is slower", self.root)
            return self._complete(images, found, None)

    def _complete(
        self, images: SplitImages, found: dict[int, Entry | None], folder: CacheFolder | None
    ) -> dict[int, Entry]:
        """Makes what is missing of the entries by size, in `folder` if that can be written."""
        missing = _missing(found)
        if not missing:
            return found
        shape = images.first_shape()
        layouts = _layouts(missing, shape)
        try:
            made = self._make(images, shape, set(layouts.values()), folder)
        except MixedSizesError:
            layouts = {size: Layout(size) for size in missing}
            made = self._make(images, shape, set(layouts.values()), folder)
        return found | {size: made[layout] for size, layout in layouts.items()}

    def _make(
        self, images: SplitImages, shape: tuple[int, int, int], layouts: set[Layout], folder: CacheFolder | None
    ) -> dict[Layout, Entry]:
        if folder is None:
            return _survey(images, layouts, None)
        sizes = {layout: layout.bytes_of(shape) * len(images.rows) for layout in layouts}
        space = DiskSpace.of(self.root, sum(sizes.values()))
        if not CACHING[self._caching](space):
            return _survey(images, layouts, folder)
        logger.info("decoding %d images of the %s split takes %s", len(images.rows), images.name, space)
        try:
            return _write(images, sizes, folder)
        except OSError as error:
            if error.errno not in FULL:
                raise
            if self._caching == "yes":
                raise InputError(f"{space.filled_up()}; {WAYS_OUT}") from error
        logger.warning("%s: decoding them for every batch instead, which is slower", space.filled_up())
        return _survey(images, layouts, folder)

    def _source(self, entry: Entry, images: SplitImages) -> ImageSource:
        bad = entry.record.bad
        kept = readable_rows(images.rows, self._columns, bad, images.name, images.origin)
        rest = {"skipped": len(bad), "misread": len(entry.record.misread), "digests": entry.record.digests}
        if entry.record.kept:
            return ImageCache(open_images(entry.folder, entry.record), kept.labels, origin=kept.origin, **rest)
        rows = images.rows.select(kept.rows) if bad else images.rows
        late = ON_LATE_BAD_IMAGE[self._choice]
        return UncachedImages(rows, images.column, entry.layout, kept.labels, kept.origin, late, **rest)


def cache_images(
    split: datasets.Dataset,
    columns: Columns,
    size: int,
    *,
    name: str = "train",
    origin: Origin | None = None,
    cache_dir: str | os.PathLike | None = None,
    on_bad_image: str = "error",
    disable_progress: bool = False,
) -> ImageCache:
    """Returns the images of a split for one transform, kept on disk; see `ImageStore`, which takes the same arguments."""
    store = ImageStore(columns, cache_dir, "yes", on_bad_image, show_progress=not disable_progress)
    [cache] = store.open(split, [size], name, origin)
    return cache


def _missing(found: dict[int, Entry | None]) -> dict[int, Entry | None]:
    """Returns the sizes of which no images are on disk."""
    return {size: entry for size, entry in found.items() if entry is None or not entry.record.kept}


def _layouts(missing: dict[int, Entry | None], shape: tuple[int, int, int]) -> dict[int, Layout]:
    """Returns how to keep images for each size: as was found out before, else going by the shape of the first image."""
    guess = {size: NATIVE if is_better_native(shape, size) else Layout(size) for size in missing}
    return guess | {size: entry.layout for size, entry in missing.items() if entry is not None}


def _write(images: SplitImages, sizes: Mapping[Layout, int], folder: CacheFolder) -> dict[Layout, Entry]:
    """Makes entries of at most so many bytes, all in one pass; their folders are put in place when all are whole."""
    with ExitStack() as open_ones:
        asides = {layout: open_ones.enter_context(folder.aside(layout)) for layout in sizes}
        writers = {
            layout: open_ones.enter_context(closing(EntryWriter(asides[layout], size)))
            for layout, size in sizes.items()
        }
        records = images.decode(writers)
        for layout, record in records.items():
            record.save(asides[layout], folder.path.name)
    return {layout: Entry(layout, record, folder.path / layout.name) for layout, record in records.items()}


def _survey(images: SplitImages, layouts: set[Layout], folder: CacheFolder | None) -> dict[Layout, Entry]:
    """Tries all images once, unless that was done before, and notes which are bad."""
    known = {layout: folder.load(layout) if folder is not None else None for layout in layouts}
    if all(known.values()):
        return known
    records = images.decode(dict.fromkeys(layouts))
    if folder is not None:
        with suppress(OSError):  # where there is no room even for that, it is done again at the next start
            for layout, record in records.items():
                with folder.aside(layout) as aside:
                    record.save(aside, folder.path.name)
    return {layout: Entry(layout, record, None) for layout, record in records.items()}
