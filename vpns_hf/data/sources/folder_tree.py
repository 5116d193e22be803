"""What lies in a folder of images: folder by folder, links to folders followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder

TABLES = tuple(ImageFolder.METADATA_FILENAMES)
IMAGES = frozenset(ImageFolder.EXTENSIONS)
# Folders that other programs leave behind.
LEFTOVERS = ("__pycache__", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder and all below it; names are sorted, hidden files are left out.

    Attributes:
        path: of the folder.
        images: paths of the images that lie in it directly, going by how the names end.
        tables: likewise of the tables that say what images show.
        others: likewise of all other files and of links to nothing.
        folders: those in it.
        loops: paths of links to a folder above, which are not followed.
        hidden: paths of folders that begin with a dot, or that other programs leave behind, and hold images, however deep;
            they are passed over.
    """

    path: str
    images: tuple[str, ...]
    tables: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[Folder, ...]
    loops: tuple[str, ...]
    hidden: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its last part."""
        return os.path.basename(self.path)

    @cached_property
    def children(self) -> tuple[Folder, ...]:
        """The folders in it that hold images or tables, however deep."""
        return tuple(folder for folder in self.folders if folder.images or folder.tables or folder.children)

    def walk(self) -> Iterator[Folder]:
        """Yields the folder and all below it."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def all_of(self, kind: str) -> list[str]:
        """Returns the paths of a kind, such as "images", in the folder and all below it, sorted."""
        return sorted(path for folder in self.walk() for path in getattr(folder, kind))


def read_tree(folder: Path) -> Folder:
    """Looks into a folder and all below it.

    Raises:
        OSError: one cannot be looked into.
    """
    root = str(folder.resolve())
    return _read(root, (root,))


def _read(path: str, above: tuple[str, ...]) -> Folder:
    kinds: dict[str, list] = {"images": [], "tables": [], "others": [], "folders": [], "loops": [], "hidden": []}
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir():
            _add_folder(kinds, entry, above)
        elif not entry.name.startswith("."):
            kinds[_kind_of(entry)].append(entry.path)
    return Folder(path, **{kind: tuple(items) for kind, items in kinds.items()})


def _add_folder(kinds: dict[str, list], entry: os.DirEntry, above: tuple[str, ...]) -> None:
    real = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(above[-1], entry.name)
    if entry.name.startswith(".") or entry.name in LEFTOVERS:
        kinds["hidden"] += [entry.path] if _holds_images(entry.path) else []
    elif real in above:
        kinds["loops"].append(entry.path)
    else:
        kinds["folders"].append(_read(entry.path, (*above, real)))


def _holds_images(path: str) -> bool:
    return any(_is_image(name) for _, _, names in os.walk(path) for name in names)


def _kind_of(entry: os.DirEntry) -> str:
    if not entry.is_file():
        return "others"
    if entry.name in TABLES:
        return "tables"
    return "images" if _is_image(entry.name) else "others"


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGES
