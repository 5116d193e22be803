"""What lies in a folder and becomes no row, about which `datasets` is silent."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

logger = logging.getLogger(__name__)

METADATA = "metadata"  # the stem of the tables beside the images
SHOWN = 3


def warn_of_left_out(folder: Path, files: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> None:
    """Warns of files that are not read, of images without a row, of links to folders and of folders without images.

    Args:
        folder: holds the files. Of those that lie in it directly only what ends as the others do is looked at: others
            are a README or a licence.
        files: the paths that are read for each split.
        rows: how many rows they gave; splits whose rows are not counted may be missing.
    """
    root = folder.resolve()
    read = {os.path.realpath(path) for paths in files.values() for path in paths}
    endings = {PurePath(path).suffix.lower() for path in read}
    found = _Found()
    found.look_through(root)
    others = [
        path
        for path in found.files
        if (path.parent != root or path.suffix.lower() in endings) and os.path.realpath(path) not in read
    ]
    _warn("%s in %s %s not read, for how the names end or as links to nothing: %s", others, "file", folder, root)
    _warn("%s in %s %s not followed; put the folders themselves there: %s", found.links, "linked folder", folder, root)
    _warn("%s in %s %s without images and so no class: %s", found.empty, "folder", folder, root)
    for split, count in rows.items():
        _warn_of_images_without_rows(split, count, files.get(split, ()))


class _Found:
    """What is below a folder and not hidden: files, links to folders, and folders with nothing in them."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.links: list[Path] = []
        self.empty: list[Path] = []

    def look_through(self, root: Path) -> None:
        for place, folders, names in os.walk(root):
            path = Path(place)
            folders[:] = [name for name in folders if not _is_hidden(name)]
            shown = [name for name in names if not _is_hidden(name)]
            self.files += [path / name for name in shown]
            self.links += [path / name for name in folders if (path / name).is_symlink()]
            if not shown and not folders:
                self.empty.append(path)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__"))


def _warn(words: str, paths: Sequence[Path], kind: str, folder: Path, root: Path) -> None:
    if paths:
        verb = "is" if len(paths) == 1 else "are"
        logger.warning(words, _counted(len(paths), kind), folder, verb, _named(paths, root))


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _warn_of_images_without_rows(split: str, rows: int, files: Sequence[str]) -> None:
    images = [path for path in files if PurePath(path).stem != METADATA]
    if rows < len(images) < len(files):
        logger.warning(
            "left out of the %d images of the %s split, as no row of its %s file names them: %d",
            *(len(images), split, METADATA, len(images) - rows),
        )


def _named(paths: Iterable[Path], root: Path) -> str:
    names = sorted(str(path.relative_to(root)) for path in paths)
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])
