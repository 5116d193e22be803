"""Images that cannot be read, or that image processors read otherwise: why in words, and what becomes of them."""

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
    """An image that cannot be read, or of which a saved model would see other pixels than training.

    Attributes:
        row: of the rows it was read from, from 0 on.
        reason: why, in words.
        path: of its file, where one is known.
        misread: whether it can be read, and image processors read it otherwise.
    """

    row: int
    reason: str
    path: str | None = None
    misread: bool = False

    @staticmethod
    def of(row: int, stored: dict | None, error: Exception) -> BadImage:
        """Returns what a reader raised about a stored image, as `datasets.Image(decode=False)` gives it."""
        stored = stored or {}
        path = stored.get("path")
        return BadImage(row, _reason(stored.get("bytes"), path, error), path)

    @staticmethod
    def misreading(row: int, stored: dict, mode: str) -> BadImage:
        """Returns what is to be said of an image of one of Pillow's modes, of which processors see other pixels."""
        values = "values beyond 255 are cut off" if mode != "F" else "its numbers are no grey levels from 0 to 255"
        return BadImage(row, f"mode {mode}: {values}", stored["path"], misread=True)

    def describe(self, origin: Origin) -> str:
        """Row, split, file and reason."""
        file = f", {self.path}," if self.path else ""
        kind = "is read otherwise by image processors" if self.misread else "is no readable image"
        return f"{origin.describe(self.row)}{file} {kind} ({self.reason})"

    def remedy(self) -> str:
        """What to do about it."""
        return "save it anew with 8 bits a channel" if self.misread else "repair or remove it"


def refuse(bad: BadImage, origin: Origin) -> bool:
    """Stops at the first bad image.

    Raises:
        InputError: always.
    """
    keep = ", or train on it all the same with keep" if bad.misread else ""
    raise InputError(f"{bad.describe(origin)}; {bad.remedy()}, or leave out such rows with on_bad_image skip{keep}")


def refuse_late(bad: BadImage, origin: Origin) -> bool:
    """Stops at a bad image of a job that may have begun: with other rows it cannot be taken up where it was left.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{bad.describe(origin)}; {bad.remedy()}, or begin anew without such rows: on_bad_image skip, "
        "resume_from_checkpoint none"
    )


def leave_out(bad: BadImage, origin: Origin) -> bool:
    """Goes on without the image, which is counted and reported at the end."""
    return False


def keep(bad: BadImage, origin: Origin) -> bool:
    """Trains on an image that processors read otherwise, which is counted and reported at the end.

    Raises:
        InputError: there are no pixels to train on.
    """
    return bad.misread or refuse(bad, origin)


# Whether a bad image is kept: what is said when it is first met, and when it is met again while batches are made.
ON_BAD_IMAGE: dict[str, Callable[[BadImage, Origin], bool]] = {"error": refuse, "skip": leave_out, "keep": keep}
ON_LATE_BAD_IMAGE = {"error": refuse_late, "skip": refuse_late, "keep": keep}


def report(bad: Sequence[BadImage], origin: Origin) -> None:
    """Logs how many images are left out, and names the first."""
    if bad:
        logger.warning("%d of %d images are left out: %s", len(bad), len(origin.rows), _named(bad, origin))


def report_kept(misread: Sequence[BadImage], origin: Origin) -> None:
    """Logs how many images are trained on though a saved model will see other pixels, and names the first."""
    if misread:
        words = "%d of %d images are kept though a saved model sees other pixels: %s"
        logger.warning(words, len(misread), len(origin.rows), _named(misread, origin))


def _named(bad: Sequence[BadImage], origin: Origin) -> str:
    more = [f"and {len(bad) - NAMED} more"] if len(bad) > NAMED else []
    return "; ".join([*(image.describe(origin) for image in bad[:NAMED]), *more])


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
