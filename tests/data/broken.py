"""Images that cannot be read, and data sets that hold some."""

from __future__ import annotations

import io
import struct
import zlib

import datasets
import numpy as np
from PIL import Image


def encoded(size: tuple[int, int] = (40, 30), file_format: str = "JPEG") -> bytes:
    """A readable image of random colours."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG: a few bytes that promise many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    begun = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return begun + struct.pack(">I", 9) + b"IDAT"


# What is wrong, and what is to be said about it.
BROKEN = {
    "truncated JPEG": (encoded((100, 80))[:2500], "image file is truncated"),
    "truncated PNG": (encoded(file_format="PNG")[:400], "truncated"),
    "empty": (b"", "the file is empty"),
    "text": (b"not an image\n" * 9, "not in a format that Pillow reads"),
    "bomb": (png_header(30_000, 20_000), "600000000 pixels: a decompression bomb"),
}


def with_rows(split: datasets.Dataset, replaced: dict[int, dict | None]) -> datasets.Dataset:
    """The split with other stored images in some rows."""
    stored = split.cast_column("image", datasets.Image(decode=False))
    images = list(stored["image"])
    for row, image in replaced.items():
        images[row] = image
    return datasets.Dataset.from_dict({"image": images, "label": split["label"]}, features=split.features)


def with_broken(split: datasets.Dataset, rows: list[int]) -> datasets.Dataset:
    """The split with a truncated JPEG in some rows."""
    return with_rows(split, {row: {"bytes": BROKEN["truncated JPEG"][0], "path": None} for row in rows})


def deep(size: tuple[int, int] = (6, 6)) -> dict:
    """A picture of 16 bits, of (height, width), as it is stored."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, size, dtype=np.uint16)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}
