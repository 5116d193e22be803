"""What is on the disk for certain, and what is said when a disk refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ..errors import InputError


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def one_line_refusals(folder: Path) -> Iterator[None]:
    """Turns a disk that refuses to be written to into one line.

    Raises:
        InputError: where the block raised an error of the operating system.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder} could not be written to {disk_refusal(error)}") from error


def disk_refusal(error: Exception) -> str:
    """Returns why a disk refused in the middle of a job, and what to do."""
    reason = " ".join(str(getattr(error, "strerror", None) or error).split())
    is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or isinstance(error, SafetensorError)
    first = "make room" if is_full else "mend that"
    return f"({reason}); what was finished before is intact: {first} and repeat the command to go on"
