"""Which folder of a folder of images holds which split: by its own name, never by that of a class below it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ...errors import InputError
from .folder_tree import Folder

logger = logging.getLogger(__name__)

# Those that `datasets` knows.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
SHAPE = "put one folder per split on top and one per class in each, such as train/cat/1.jpg and test/cat/2.jpg"


def split_folders(root: Folder) -> dict[str, list[Folder]]:
    """Returns the folders of each split, in the order train, validation, test.

    Splits are the folders named so (train, Test, val2017; train_images, where there is a test_images too) on the first
    level on which one of them has folders of classes, or a table, in it. Without such a level all is the train split.
    A folder that holds one other folder and nothing else is passed through.

    Raises:
        InputError: what is a split and what a class is in doubt.
    """
    level = root
    while not (splits := _splits_among(level, root)) and _is_wrapper(level):
        [level] = level.children
    if not splits:
        _check_no_splits_below(level, "", root)
        splits = {"train": [level]}
    splits = _unwrapped(splits)
    for split, folders in splits.items():
        for folder in folders:
            _check_no_splits_below(folder, split, root)
    return splits


def check_files_of_splits(files: Mapping[str, Iterable[str]], root: str) -> None:
    """Checks that no file is read for another split than its name says, whose capitals `datasets` does not know.

    Args:
        files: paths below `root`, by the split they are read for.
        root: a local folder.

    Raises:
        InputError: one is.
    """
    for split in SPLIT_NAMES:
        for path in files.get(split, ()):
            place = os.path.relpath(path, root)
            named = {found for part in place.split(os.sep) if (found := _split_named(os.path.splitext(part)[0]))}
            if len(named) == 1 and split not in named:
                raise InputError(
                    f"{place} would be read for the {split} split; call files by their splits in small letters, "
                    "such as train.parquet and test.parquet"
                )


def _is_wrapper(folder: Folder) -> bool:
    return not folder.images and not folder.tables and len(folder.children) == 1 and bool(folder.children[0].children)


def _unwrapped(splits: dict[str, list[Folder]]) -> dict[str, list[Folder]]:
    """Passes through the one folder that holds all classes of the first split, and through what is not one of these."""
    first = next(iter(splits))
    while all(map(_is_wrapper, splits[first])):
        splits = {**splits, first: [folder.children[0] for folder in splits[first]]}
    classes = {child.name for folder in splits[first] for child in folder.children}
    return {split: [_innermost(folder, classes) for folder in folders] for split, folders in splits.items()}


def _innermost(folder: Folder, classes: set[str]) -> Folder:
    while (
        not folder.images
        and not folder.tables
        and len(folder.children) == 1
        and folder.children[0].name not in classes
    ):
        [folder] = folder.children
    return folder


def _splits_among(level: Folder, root: Folder) -> dict[str, list[Folder]]:
    """Returns the folders on a level that are splits, none where it is a level of classes."""
    named = {folder: split for folder in level.children if (split := _split_named(folder.name))}
    exact = {folder: split for folder, split in named.items() if _is_exact(folder.name)}
    if not any(folder.children or folder.tables for folder in named) and set(exact) != set(level.children):
        return {}
    inside = {folder: split for folder, split in named.items() if folder.children or folder.tables or folder in exact}
    chosen = {folder: split for folder, split in inside.items() if folder in exact or split not in exact.values()}
    others = [folder for folder in level.children if folder not in chosen]
    if len(set(chosen.values())) == 1 and (others or (len(chosen) > 1 and not exact)):
        raise _in_doubt(chosen, others, root)
    _tell(chosen, others, root)
    return {
        split: found for split in SPLIT_NAMES if (found := [folder for folder in chosen if chosen[folder] == split])
    }


def _split_named(name: str) -> str | None:
    """Returns the one split that the words of a name speak of."""
    splits = {SPLIT_OF[word] for word in _words(name) if word in SPLIT_OF}
    return splits.pop() if len(splits) == 1 else None


def _is_exact(name: str) -> bool:
    """Returns whether a name says a split and nothing else but numbers."""
    return len(_words(name)) == 1 and _words(name)[0] in SPLIT_OF


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-._ 0-9]+", name.lower()) if word]


def _in_doubt(chosen: Iterable[Folder], others: Iterable[Folder], root: Folder) -> InputError:
    names = _listed(chosen, root)
    if others := list(others):
        beside = f"beside {names} {'lies' if len(others) == 1 else 'lie'} {_listed(others, root)}"
        return InputError(f"{beside}{_meant(others)}, so that splits cannot be told from classes; {SHAPE}")
    return InputError(f"{names} may be parts of one split or classes; {SHAPE}")


def _tell(chosen: dict[Folder, str], others: Iterable[Folder], root: Folder) -> None:
    if others := list(others):
        logger.warning("not read, as the name is of no split: %s%s", _listed(others, root), _meant(others))
    by_split = {split: [folder for folder in chosen if chosen[folder] == split] for split in SPLIT_NAMES}
    joined = {split: folders for split, folders in by_split.items() if len(folders) > 1}
    if len(joined) > 1:
        names = "; ".join(_listed(folders, root) for folders in joined.values())
        raise InputError(
            f"several folders of several splits ({names}) may be folds, which share images; leave one of each"
        )
    for split, folders in joined.items():
        logger.warning("read together as the %s split: %s", split, _listed(folders, root))


def _meant(others: Iterable[Folder]) -> str:
    near = {folder.name: get_close_matches(folder.name.lower(), SPLIT_OF, n=1, cutoff=0.7) for folder in others}
    return "".join(f" (did you mean {name!r} to be {found[0]}?)" for name, found in near.items() if found)


def _check_no_splits_below(folder: Folder, split: str, root: Folder) -> None:
    """Checks that no class is cut into splits, of which all but `split` would be read as that one."""
    for place in [below for child in folder.children for below in child.walk()]:
        names = [child.name for child in place.children]
        if names and all(map(_is_exact, names)) and any(_split_named(name) != split for name in names):
            raise InputError(f"the folder {_listed(place.children, root)} of a split lies below a class; {SHAPE}")


def _listed(folders: Iterable[Folder], root: Folder) -> str:
    return ", ".join(f"{os.path.relpath(folder.path, root.path)}/" for folder in folders)
