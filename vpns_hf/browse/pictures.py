"""Pictures that somebody gives to the page."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError

MOST_PIXELS = 50_000_000
KEPT = 5  # of those that were uploaded last


class UploadedPictures:
    """Reads pictures that were uploaded, of which no file stays.

    Uploads of the same picture are one file. So that nobody is told that it is gone who sent it in the same moment, the
    last few stay in memory.

    Args:
        kept: how many.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._most = kept
        self._kept: OrderedDict[Path, Image.Image] = OrderedDict()
        self._lock = Lock()

    def read(self, path: Path) -> Image.Image:
        """Returns a picture as `read_picture` does, and removes its file.

        Raises:
            InputError: if it is none that can be read.
        """
        with self._lock:
            try:
                if path.exists():
                    self._kept[path] = read_picture(path)
                    while len(self._kept) > self._most:
                        self._kept.popitem(last=False)
                return self._kept[path] if path in self._kept else read_picture(path)
            finally:
                path.unlink(missing_ok=True)


def read_picture(source: Path | bytes) -> Image.Image:
    """Returns a picture in RGB, turned as its camera says.

    Raises:
        InputError: if it is none that can be read, or one of more than `MOST_PIXELS`.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InputError(
                    f"the picture has {image.width} x {image.height} pixels; give one of {MOST_PIXELS // 1_000_000} million at most"
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "this file is no picture that can be read; give a PNG, JPEG, GIF, BMP or WebP file"
        ) from error
