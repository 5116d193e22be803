"""What the folder of decoded images holds, and how it is emptied of what is ours, and of nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from ...errors import InputError
from .entries import DIGESTS, IMAGES, RECORD, DamagedError, load_record
from .folder import LOCK, PREFIX

NAME = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
# All that is written into a folder of that name; `.writing-` by version 0.1.
OWN = re.compile(rf"{LOCK}|(\.writing-\w+/)?\.?(native|\d+x\d+)(\.partial|\.old)?/({IMAGES}|{RECORD}|{DIGESTS})")
ALL = "all"
NOT_USABLE = "not usable"


@dataclass(frozen=True)
class CachedSplit:
    """The decoded images of one split.

    Attributes:
        folder: they are in.
        split: its name; None where no record tells.
        layouts: the sizes they are kept at.
        size: in bytes on disk.
        used: when it was last opened.
        state: "whole", or what is wrong.
    """

    folder: Path
    split: str | None
    layouts: tuple[str, ...]
    size: int
    used: date
    state: str

    @property
    def usable(self) -> bool:
        """Whether nothing in it is damaged or of another version."""
        return NOT_USABLE not in self.state


def list_caches(root: Path) -> list[CachedSplit]:
    """Returns all splits of which decoded images are in `root`, and whether these are in their place and of their size."""
    folders = sorted(path for path in root.glob(f"{PREFIX}*") if NAME.fullmatch(path.name))
    return [_look_at(folder) for folder in folders if folder.is_dir() and not folder.is_symlink()]


def remove_caches(root: Path, names: Sequence[str]) -> list[Path]:
    """Removes decoded images; what others have put beside them stays.

    Args:
        root: folder of the caches.
        names: of folders in it; `ALL` for all.

    Returns:
        The folders that were emptied.

    Raises:
        InputError: a name is not that of a folder of decoded images, or a process is writing one; nothing is removed
            in the first case.
    """
    caches = {cache.folder.name: cache.folder for cache in list_caches(root)}
    unknown = [name for name in names if name not in (ALL, *caches)]
    if unknown:
        raise InputError(f"{unknown[0]} is no folder of decoded images in {root}; name one of the list, or {ALL}")
    chosen = list(caches) if ALL in names else names
    return [_empty(caches[name]) for name in chosen]


def _look_at(folder: Path) -> CachedSplit:
    files = list(_own_files(folder))
    splits, layouts, states = set(), [], set()
    for path in folder.glob(f"[!.]*/{RECORD}"):
        if path not in files:
            continue
        try:
            record = load_record(path.parent)
            splits.add(record.split)
            layouts.append(path.parent.name if record.kept else f"{path.parent.name} (not kept)")
        except (OSError, DamagedError) as error:
            states.add(f"{NOT_USABLE}: {error}")
    status = [path.stat() for path in files]
    return CachedSplit(
        folder=folder,
        split=", ".join(sorted(splits)) or None,
        layouts=tuple(sorted(layouts)),
        size=sum(one.st_size for one in status),
        used=date.fromtimestamp(max([one.st_mtime for one in status], default=folder.stat().st_mtime)),
        state="; ".join(sorted(states)) or ("whole" if layouts else "unfinished"),
    )


def _own_files(folder: Path) -> Iterable[Path]:
    """Yields the files in a folder that were written there by this package; links are followed nowhere."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if OWN.fullmatch(path.relative_to(folder).as_posix()) and not path.is_symlink():
                yield path


def _empty(folder: Path) -> Path:
    try:
        with FileLock(folder / LOCK, blocking=False):
            for path in list(_own_files(folder)):
                path.unlink()
    except Timeout as error:
        raise InputError(f"a process is writing to {folder}; wait until it is done, or stop it") from error
    except OSError as error:
        raise InputError(f"cannot remove {error.filename} ({error.strerror})") from error
    (folder / LOCK).unlink(missing_ok=True)
    for parent, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # what is not empty holds something of others
            os.rmdir(parent)
    return folder
