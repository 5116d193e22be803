"""No file is read twice: neither in two splits, which would test on what was trained on, nor twice in one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import datasets

from ...errors import InputError
from .columns import image_files


def check_no_file_twice(files: Mapping[str, Sequence[str]], remedy: str) -> None:
    """Checks the files that are to be read for each split.

    Args:
        files: paths or addresses, by the name of the split.
        remedy: what to do.

    Raises:
        InputError: one is read twice.
    """
    _check(((str(path), split) for split, paths in files.items() for path in paths), remedy)


def check_no_image_twice(splits: Mapping[str, datasets.Dataset], column: str) -> None:
    """Checks the files that rows name as their images; rows that hold the bytes themselves name none.

    Raises:
        InputError: an image is in two splits, or twice in one.
    """
    places = ((path, split) for split, rows in splits.items() for path in image_files(rows, column))
    _check(places, "leave one row of each file, and one of several links to it")


def _check(places: Iterable[tuple[str, str]], remedy: str) -> None:
    first: dict[str, tuple[str, str]] = {}
    twice = []
    real_folder = cache(os.path.realpath)
    for path, split in places:
        real = _real(path, real_folder)
        if real in first:
            twice.append((first[real], (path, split)))
        else:
            first[real] = path, split
    if twice:
        [(path, split), (other, other_split)] = twice[0]
        known_as = "" if other == path else f", as {other},"
        where = f"in the {split} split and{known_as} in the {other_split} split"
        if split == other_split:
            where = f"twice in the {split} split{known_as.rstrip(',')}"
        more = f", and {len(twice) - 1} more are read twice" if len(twice) > 1 else ""
        raise InputError(f"{path} is read {where}{more}: {remedy}")


def _real(path: str, real_folder: cache) -> str:
    """Returns a path without links; an address as it is."""
    if "://" in path:
        return path
    folder, name = os.path.split(path)
    return os.path.realpath(path) if os.path.islink(path) else os.path.join(real_folder(folder), name)
