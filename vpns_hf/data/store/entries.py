"""One file of decoded images and the record beside it.

An entry is a folder that appears complete or not at all. `images.bin` holds the bytes of all images one after the
other, the colours of a pixel side by side; `record.json` their shape, what was left out, and which rows they are of;
`digests.bin` 64 bits of the bytes each was stored as.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..images import BadImage

FORMAT_VERSION = 5
WRITER = "vpns_hf image cache"
RECORD, IMAGES, DIGESTS = "record.json", "images.bin", "digests.bin"


@dataclass(frozen=True)
class CacheRecord:
    """What is known of the decoded images of a split.

    Attributes:
        split: its name.
        shape: of one image, (3, H, W).
        count: how many images could be read.
        bad: those that could not, or that were left out as image processors read them otherwise.
        kept: whether the images are on disk.
        misread: those that are among the images though processors read them otherwise.
        digests: of the bytes of each image, uint64 (count,), where they are known.
    """

    split: str
    shape: tuple[int, int, int]
    count: int
    bad: tuple[BadImage, ...]
    kept: bool
    misread: tuple[BadImage, ...] = ()
    digests: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def image_bytes(self) -> int:
        """The size of all images."""
        return self.count * int(np.prod(self.shape))

    def save(self, folder: Path, rows: str) -> None:
        """Writes the record; `rows` is the name of the folder the entry is going to be in, which stands for its rows."""
        content = {"writer": WRITER, "format": FORMAT_VERSION, "rows": rows, **asdict(replace(self, digests=None))}
        del content["digests"]
        if self.digests is not None:
            self.digests.tofile(folder / DIGESTS)
        (folder / RECORD).write_text(json.dumps(content), encoding="utf-8")


class DamagedError(Exception):
    """An entry is not what was written; the message says why."""


def load_record(folder: Path) -> CacheRecord:
    """Reads the record of an entry, and looks whether the entry is in its place and of the size it was written with.

    Raises:
        OSError: there is no record, or it cannot be read.
        DamagedError: one of these is not as it was, or it was written by another version.
    """
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if (content.pop("writer"), content.pop("format")) != (WRITER, FORMAT_VERSION):
            raise DamagedError("it was written by another version")
        if content.pop("rows") != folder.parent.name:
            raise DamagedError("it is of other images")
        content |= {name: tuple(BadImage(**image) for image in content[name]) for name in ("bad", "misread")}
        content |= {"shape": tuple(content["shape"]), "digests": _load_digests(folder / DIGESTS)}
        record = CacheRecord(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("its record cannot be read") from error
    if record.digests is not None and len(record.digests) != record.count:
        raise DamagedError("its digests are not of all images")
    if record.kept:
        _check_size(folder / IMAGES, record.image_bytes)
    return record


def _load_digests(path: Path) -> np.ndarray | None:
    return np.fromfile(path, np.uint64) if path.exists() else None


def open_images(folder: Path, record: CacheRecord) -> torch.Tensor:
    """Returns the images of an entry, uint8 (N, 3, H, W), memory-mapped, channels last in memory."""
    with suppress(OSError):
        os.utime(folder / RECORD)  # tells when it was last used
    # "c" maps the file copy-on-write: nothing is read before it is needed, and the file is never changed.
    channels, height, width = record.shape
    pixels = np.memmap(folder / IMAGES, np.uint8, mode="c", shape=(record.count, height, width, channels))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


class EntryWriter:
    """Writes the images of an entry.

    Args:
        folder: to write into.
        size: the bytes to come at most, which are reserved, so that a full disk is found before anything is decoded.

    Raises:
        OSError: the disk cannot hold them.
    """

    def __init__(self, folder: Path, size: int):
        self._file = open(folder / IMAGES, "wb")  # noqa: SIM115, closed by `close`
        try:
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file.fileno(), 0, size)
        except OSError:
            self.close()
            raise

    def append(self, images: np.ndarray) -> None:
        """Adds uint8 images (n, 3, H, W)."""
        self._file.write(np.ascontiguousarray(images.transpose(0, 2, 3, 1)).data)

    def close(self) -> None:
        """Gives back what was reserved for images that did not come."""
        with self._file:
            self._file.truncate()


def _check_size(images: Path, expected: int) -> None:
    try:
        size = images.stat().st_size
    except OSError as error:
        raise DamagedError(f"its images cannot be read ({error.strerror})") from error
    if size != expected:
        raise DamagedError("the size of its images is not what it was")
