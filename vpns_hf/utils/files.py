"""Files and folders that are complete or not there at all, whenever the machine stops; and what is said when a disk refuses.

What is new is written aside, synced to the disk, and put in place by a rename.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ..errors import InputError
from .text import one_line

REFUSED = "what was finished before is intact"  # in what is said when a disk refuses in the middle of a job


def aside_of(place: Path) -> Path:
    """Returns where a folder is while it is written, or removed: beside its place, and hidden."""
    return place.with_name(f".{place.name}.partial")


@contextmanager
def folder_in_place(place: Path) -> Iterator[Path]:
    """Gives a new folder to be filled, which is at `place` once the block has ended, instead of one that was there.

    Where the block fails, or the disk refuses, what was there stays and nothing else is left. What a process that was
    killed has left aside is removed.

    Args:
        place: of the folder; those above it are made.

    Raises:
        OSError: the disk refuses.
    """
    aside = aside_of(place)
    remove_folder(aside)
    try:
        aside.mkdir(parents=True)
        yield aside
        _sync_tree(aside)
        _exchange(place, aside)
    except BaseException:
        remove_folder(aside)
        raise
    _sync_folder(place.parent)


def leads_out(path: str) -> bool:
    """Returns whether a path that should lie in a folder leads elsewhere by its words; links are not looked at."""
    return Path(path).is_absolute() or ".." in Path(path).parts


def write_file(path: Path, content: str | bytes) -> None:
    """Puts a file in place in one step: a reader finds the old content or the new one, never a part.

    Args:
        path: of the file, in a folder that is there.
        content: text becomes UTF-8.

    Raises:
        OSError: the disk refuses; what was there stays.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")  # as others may write it at the same time
    try:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)
        _sync_file(aside)
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def refuse_foreign(folder: Path, names: Iterable[str], kind: str) -> None:
    """Raises InputError if a file that is to be written to a folder is there, although no earlier `kind` has written it.

    Args:
        folder: that need not be there.
        names: of the files.
        kind: what they belong to: a comparison.
    """
    found = [folder / name for name in names if os.path.lexists(folder / name)]
    if found:
        raise InputError(f"{found[0]} is not of a {kind} and would be replaced; give another --output_dir")


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes have left of the folders they were putting into this one; no other may be at it."""
    for left in [*folder.glob(".*.partial"), *folder.glob(".*.old")]:
        remove_folder(left)


def remove_folder(folder: Path) -> None:
    """Removes a folder as far as possible, if it is there; of a link, the link alone."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _exchange(place: Path, new: Path) -> None:
    """Puts a folder in the place of another, of which at no time only a part is there."""
    old = place.with_name(f".{place.name}.old")
    remove_folder(old)
    if place.exists():
        os.replace(place, old)
    try:
        os.replace(new, place)
    except OSError:
        if old.exists():
            os.replace(old, place)
        raise
    remove_folder(old)


def _sync_tree(folder: Path) -> None:
    """Waits until all files and folders below a folder, and itself, are on the disk."""
    for path in folder.rglob("*"):
        _sync_file(path) if path.is_file() else _sync_folder(path)
    _sync_folder(folder)


def _sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
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
    reason = one_line(getattr(error, "strerror", None) or error)
    is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or isinstance(error, SafetensorError)
    first = "make room" if is_full else "mend that"
    return f"({reason}); {REFUSED}: {first} and repeat the command to go on"
