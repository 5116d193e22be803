"""One file of decoded images and the record beside it, which tells whether they are whole.

An entry is a folder that appears complete or not at all. `images.bin` holds the bytes of all images one after the
other, the colours of a pixel side by side; `record.json` their shape, what was left out, a checksum of every block of bytes and one of itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..images.bad_images import BadImage

FORMAT_VERSION = 3
WRITER = "vpns_hf image cache"
OTHER_VERSION = "it was written by another version"
RECORD, IMAGES = "record.json", "images.bin"
BLOCK = 2**20  # bytes
# What is compared with its checksums whenever a file is opened; reading all of a large one would take minutes.
CHECKED_BLOCKS = 64


@dataclass(frozen=True)
class CacheRecord:
    """What is known of the decoded images of a split.

    Attributes:
        split: its name.
        shape: of one image, (3, H, W).
        count: how many images could be read.
        bad: those that could not.
        checksums: CRC-32 of every `BLOCK` bytes; empty where the images are not kept.
    """

    split: str
    shape: tuple[int, int, int]
    count: int
    bad: tuple[BadImage, ...] = ()
    checksums: tuple[int, ...] = ()

    @property
    def image_bytes(self) -> int:
        """The size of all images."""
        return self.count * int(np.prod(self.shape))

    @property
    def kept(self) -> bool:
        """Whether the images are on disk."""
        return len(self.checksums) > 0

    def save(self, folder: Path) -> None:
        """Writes record.json."""
        content = {"writer": WRITER, "format": FORMAT_VERSION, **asdict(self)}
        content["sha256"] = _digest(content)
        (folder / RECORD).write_text(json.dumps(content), encoding="utf-8")


class DamagedError(Exception):
    """An entry is not what was written; the message says why."""


def load_record(folder: Path) -> CacheRecord:
    """Reads the record of an entry.

    Raises:
        OSError: there is none, or it cannot be read.
        DamagedError: it was changed, or written by another version.
    """
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if content.get("format", FORMAT_VERSION) != FORMAT_VERSION:  # which may count its checksum in another way
            raise DamagedError(OTHER_VERSION)
        if content.pop("sha256", None) != _digest(content):
            raise DamagedError("its record was changed")
        if (content.pop("writer"), content.pop("format")) != (WRITER, FORMAT_VERSION):
            raise DamagedError(OTHER_VERSION)
        bad = tuple(BadImage(**image) for image in content.pop("bad"))
        lists = {name: tuple(content.pop(name)) for name in ("shape", "checksums")}
        return CacheRecord(bad=bad, **lists, **content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("its record cannot be read") from error


def open_images(folder: Path, record: CacheRecord) -> torch.Tensor:
    """The images of an entry, uint8 (N, 3, H, W), memory-mapped, channels last in memory."""
    with suppress(OSError):
        os.utime(folder / RECORD)  # tells when it was last used
    # "c" maps the file copy-on-write: nothing is read before it is needed, and the file is never changed.
    channels, height, width = record.shape
    pixels = np.memmap(folder / IMAGES, np.uint8, mode="c", shape=(record.count, height, width, channels))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def check_images(folder: Path, record: CacheRecord, limit: int | None = CHECKED_BLOCKS) -> None:
    """Compares the size of the images, and `limit` blocks spread evenly over them (None: all), with the record.

    Raises:
        DamagedError: they are not what was written.
    """
    blocks = len(record.checksums)
    chosen = np.linspace(0, blocks - 1, min(blocks, limit or blocks)).astype(int).tolist()
    try:
        with open(folder / IMAGES, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != record.image_bytes:
                raise DamagedError("its size is not what it was")
            for index in chosen:
                file.seek(index * BLOCK)
                if zlib.crc32(file.read(BLOCK)) != record.checksums[index]:
                    raise DamagedError("its images are not what they were")
    except OSError as error:
        raise DamagedError(f"its images cannot be read ({error.strerror})") from error


class EntryWriter:
    """Writes the images of an entry, aside of its place.

    Args:
        folder: to write into; made.
        size: the bytes to come at most, which are reserved.

    Raises:
        OSError: the disk cannot hold them.
    """

    def __init__(self, folder: Path, size: int):
        folder.mkdir()
        self.folder = folder
        self._checksums: list[int] = []
        self._filled = BLOCK
        self._file = open(folder / IMAGES, "wb")  # noqa: SIM115, closed by `close`
        try:
            _reserve(self._file.fileno(), size)
        except OSError:
            self.close()
            raise

    def append(self, images: np.ndarray) -> None:
        """Adds uint8 images (n, 3, H, W)."""
        content = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).data.cast("B")
        self._file.write(content)
        while content:
            if self._filled == BLOCK:
                self._checksums.append(0)
                self._filled = 0
            part, content = content[: BLOCK - self._filled], content[BLOCK - self._filled :]
            self._checksums[-1] = zlib.crc32(part, self._checksums[-1])
            self._filled += len(part)

    def finish(self) -> tuple[int, ...]:
        """Leaves the images whole on disk; returns the checksums."""
        self._file.truncate()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return tuple(self._checksums)

    def close(self) -> None:
        """Lets go of the file, finished or not."""
        self._file.close()


def _reserve(file: int, size: int) -> None:
    """A full disk is found before anything is decoded."""
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
