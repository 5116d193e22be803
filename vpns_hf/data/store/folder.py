"""Where the decoded images of a split are kept: a folder per fingerprint, an entry in it per size."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import datasets
from filelock import FileLock, Timeout

from ...utils.files import folder_in_place, remove_leftovers
from ..sources import image_files
from .entries import FORMAT_VERSION, CacheRecord, DamagedError, load_record

logger = logging.getLogger(__name__)

# Images are kept at their own size only where resizing them first would make them more than this many times larger:
# cropping stored pixels costs one copy, resizing them costs two matrix products.
LARGEST_GROWTH = 2.0
PREFIX, LOCK = "images-", "lock"


@dataclass(frozen=True)
class Layout:
    """How images are kept: resized to a square of `size` pixels, or at the one size all have if that is None."""

    size: int | None

    @property
    def name(self) -> str:
        """Of the folder of an entry."""
        return "native" if self.size is None else f"{self.size}x{self.size}"

    def bytes_of(self, shape: tuple[int, int, int]) -> int:
        """Returns what an image takes that is (3, H, W) at its own size."""
        return math.prod(shape) if self.size is None else 3 * self.size**2


NATIVE = Layout(None)


@dataclass(frozen=True)
class Entry:
    """Decoded images that are known; `folder` is None where nothing of them is on disk."""

    layout: Layout
    record: CacheRecord
    folder: Path | None


class CacheFolder:
    """The entries of one split.

    Args:
        root: folder of all caches.
        split: the rows.
        column: the image column.
        kind: of the images that are kept, where others of the same rows may be.
    """

    def __init__(self, root: Path, split: datasets.Dataset, column: str, kind: str = ""):
        self.path = root / f"{PREFIX}{_fingerprint(split, column, kind)}"
        self._unusable: dict[Path, str] = {}

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keeps other processes out, and removes what one that was killed has left.

        Args:
            name: of the split, for messages.

        Raises:
            OSError: the folder cannot be made or written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            # The processes of one job wait for each other as a matter of course.
            level = logging.INFO if int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1 else logging.WARNING
            logger.log(level, "another process is decoding the images of the %s split; waiting for it", name)
            lock.acquire()
        try:
            remove_leftovers(self.path)
            yield
        finally:
            lock.release()

    def aside(self, layout: Layout) -> AbstractContextManager[Path]:
        """Returns a folder for the entry of a layout, which is in its place at the end of the block; the lock must be held."""
        return folder_in_place(self.path / layout.name)

    def find_all(self, sizes: Sequence[int]) -> dict[int, Entry | None]:
        """For each size the entry for transforms that resize to it; None if there is none that can be used."""
        return {size: self._find(size) for size in sizes}

    def load(self, layout: Layout) -> Entry | None:
        """Returns the entry of a layout, if it is whole."""
        folder = self.path / layout.name
        self._unusable.pop(folder, None)
        try:
            return Entry(layout, load_record(folder), folder)
        except OSError:
            pass  # there is none, or none that can be read
        except DamagedError as error:
            self._unusable[folder] = str(error)
        return None

    def warn_of_unusable(self) -> None:
        """Logs what was found last that is there but not whole; to be called by who makes it anew, as all look for it."""
        for folder, reason in self._unusable.items():
            logger.warning("the decoded images in %s are not used but decoded anew: %s", folder, reason)

    def _find(self, size: int) -> Entry | None:
        resized = self.load(Layout(size))
        if resized is not None:
            return resized
        native = self.load(NATIVE)
        return native if native is not None and is_better_native(native.record.shape, size) else None


def is_better_native(shape: tuple[int, ...], size: int) -> bool:
    """Returns whether images (3, H, W) are much smaller than `size` x `size`."""
    _, height, width = shape
    return max(height, width) <= size and size * size > LARGEST_GROWTH * height * width


def _fingerprint(split: datasets.Dataset, column: str, kind: str) -> str:
    # The fingerprint of a Dataset covers its table and every selection of rows made since, yet not the content of
    # files of which the table holds the path only.
    digest = hashlib.sha256(repr((FORMAT_VERSION, split._fingerprint, column, kind)).encode())  # noqa: SLF001
    for path in image_files(split, column):
        digest.update(_state(path).encode())
    return digest.hexdigest()[:16]


def _state(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return f"{path}\n"  # an address, or a file that decoding will miss
    return f"{path} {status.st_size} {status.st_mtime_ns}\n"
