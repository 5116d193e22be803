"""What lies in a folder of images and becomes no row, about which `datasets` is silent."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

logger = logging.getLogger(__name__)

METADATA = "metadata"  # the stem of the tables beside the images
SHOWN = 3


def warn_of_left_out(folder: Path, files: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> None:
    """Warns of files that are not read, of images without a row, and of class folders without images.

    Args:
        folder: holds the images; files that lie in it directly, such as a README, are not looked at.
        files: the paths that are read for each split.
        rows: how many rows they gave; splits whose rows are not counted may be missing.
    """
    root = folder.resolve()
    read = {os.path.realpath(path) for paths in files.values() for path in paths}
    others, empty = [], []
    for path, names, subfolders in _walked(root):
        if not names and not subfolders:
            empty.append(path)
        elif path != root:
            others += [path / name for name in names if os.path.realpath(path / name) not in read]
    if others:
        logger.warning(
            "%d files in %s are left out (by their names no images, or links to nothing): %s",
            *(len(others), folder, _named(others, root)),
        )
    if empty:
        logger.warning("folders without images are no classes: %s in %s", _named(empty, root), folder)
    for split, count in rows.items():
        _warn_of_images_without_rows(split, count, files.get(split, ()))


def _walked(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder with the names of its files and folders that are not hidden."""
    for path, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield Path(path), [name for name in names if not _is_hidden(name)], folders


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__"))


def _warn_of_images_without_rows(split: str, rows: int, files: Sequence[str]) -> None:
    images = [path for path in files if PurePath(path).stem != METADATA]
    if rows < len(images) < len(files):
        logger.warning(
            "%d of %d images of the %s split are left out: its %s file has no row for them",
            *(len(images) - rows, len(images), split, METADATA),
        )


def _named(paths: Iterable[Path], root: Path) -> str:
    names = sorted(str(path.relative_to(root)) for path in paths)
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])
