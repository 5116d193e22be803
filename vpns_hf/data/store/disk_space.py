"""Where decoded images are kept on disk, and whether: as long as they fit, always or never."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...utils.text import megabytes

logger = logging.getLogger(__name__)

# By itself a job leaves a tenth of what is free to others.
LARGEST_SHARE = 0.9
WAYS_OUT = (
    "make room, choose another folder with cache_dir or VPNS_CACHE, "
    "or have them decoded for every batch with cache_images no"
)
# What a folder answers that has no room for anything.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def default_cache_dir() -> Path:
    """Returns where caches go: `$VPNS_CACHE`, else `~/.cache/vpns_hf`."""
    return Path(os.environ.get("VPNS_CACHE") or "~/.cache/vpns_hf").expanduser()


@dataclass(frozen=True)
class DiskSpace:
    """What a cache takes, and what there is.

    Attributes:
        root: folder of the caches.
        needed: bytes to be written.
        free: bytes free where the folder is, or will be.
    """

    root: Path
    needed: int
    free: int

    @staticmethod
    def of(root: Path, needed: int) -> DiskSpace:
        """Asks the file system."""
        existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
        return DiskSpace(root, needed, shutil.disk_usage(existing).free)

    def __str__(self) -> str:
        return f"{megabytes(self.needed)} in {self.root}, where {megabytes(self.free)} are free"

    def too_small(self) -> InputError:
        """Returns the error that says so."""
        return InputError(f"the decoded images need {self}; {WAYS_OUT}")

    def filled_up(self) -> str:
        """Says that there seemed to be room; how much is free has changed since, so it is not told."""
        return f"the disk of {self.root} filled up while {megabytes(self.needed)} of decoded images were written"


def keep_what_fits(space: DiskSpace) -> bool:
    """Returns whether the images leave room for others."""
    if space.needed <= LARGEST_SHARE * space.free:
        return True
    logger.warning("the decoded images would need %s: decoding them for every batch instead, which is slower", space)
    return False


def keep_all(space: DiskSpace) -> bool:
    """Keeps the images.

    Raises:
        InputError: they do not fit.
    """
    if space.needed > space.free:
        raise space.too_small()
    return True


def keep_none(space: DiskSpace) -> bool:
    """Decodes images for every batch, whatever there is and whatever an earlier run has kept."""
    return False


CACHING: dict[str, Callable[[DiskSpace], bool]] = {"auto": keep_what_fits, "yes": keep_all, "no": keep_none}
