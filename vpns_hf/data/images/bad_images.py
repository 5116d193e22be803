"""Images that cannot be read: why in words, and whether they stop a job or are left out of it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from ...errors import InputError
from ...utils.text import first_line
from ..provenance import Origin

logger = logging.getLogger(__name__)

NAMED = 3  # of the images that are left out, in the log


@dataclass(frozen=True)
class BadImage:
    """An image that cannot be read.

    Attributes:
        row: of the rows it was read from, from 0 on.
        reason: why, in words.
        path: of its file, where one is known.
    """

    row: int
    reason: str
    path: str | None = None

    @staticmethod
    def of(row: int, stored: dict | None, error: Exception) -> BadImage:
        """Returns what a reader raised about a stored image, as `datasets.Image(decode=False)` gives it."""
        stored = stored or {}
        path = stored.get("path")
        return BadImage(row, _reason(stored.get("bytes"), path, error), path)

    def describe(self, origin: Origin) -> str:
        """Row, split, file and reason."""
        file = f", {self.path}," if self.path else ""
        return f"{origin.describe(self.row)}{file} is no readable image ({self.reason})"


def refuse(bad: BadImage, origin: Origin) -> None:
    """Stops at the first bad image.

    Raises:
        InputError: always.
    """
    raise InputError(f"{bad.describe(origin)}; repair or remove it, or leave out such rows with on_bad_image skip")


def refuse_late(bad: BadImage, origin: Origin) -> None:
    """Stops at a bad image of a job that may have begun: with other rows it cannot be taken up where it was left.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{bad.describe(origin)}; repair or remove it, or begin anew without such rows: on_bad_image skip, "
        "resume_from_checkpoint none"
    )


def leave_out(bad: BadImage, origin: Origin) -> None:
    """Goes on without the image, which is counted and reported at the end."""


ON_BAD_IMAGE: dict[str, Callable[[BadImage, Origin], None]] = {"error": refuse, "skip": leave_out}


def report(bad: Sequence[BadImage], origin: Origin) -> None:
    """Logs how many images are left out, and names the first."""
    if bad:
        named = "; ".join(image.describe(origin) for image in bad[:NAMED])
        more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        logger.warning("%d of %d images are left out: %s%s", len(bad), len(origin.rows), named, more)


def _reason(content: bytes | None, path: str | None, error: Exception) -> str:
    if content is None and path is None:
        return "the row holds none"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, Image.DecompressionBombError):
        pixels = re.search(r"\d+ pixels", str(error))
        return f"{pixels[0] if pixels else 'its size'}: a decompression bomb"
    if isinstance(error, UnidentifiedImageError):
        size = os.path.getsize(path) if content is None else len(content)
        return "not in a format that Pillow reads" if size else "the file is empty"
    return first_line(error)
