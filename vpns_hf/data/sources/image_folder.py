"""A folder of images becomes rows: splits by the folders on top, classes by the folders below them or by a table."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Mapping, Sequence

import datasets
import pyarrow as pa

from ...errors import InputError
from ...utils.text import counted
from .diagnosis import warn_of_left_out
from .folder_tree import Folder
from .split_folders import split_folders

logger = logging.getLogger(__name__)

LAYOUT = "give one folder of images per class in each split, such as train/cat/1.jpg and test/cat/2.jpg"
LISTS = (".csv", ".tsv", ".json", ".jsonl", ".xlsx")  # which often say what images show
FILE_COLUMNS = ("file_name", "file_names")
FILE_ENDINGS = tuple(f"_{name}" for name in FILE_COLUMNS)
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TABLE = "a table of classes is read as metadata.csv in the folder of each split, with the columns file_name and label"


def is_image_folder(root: Folder) -> bool:
    """Returns whether most of what could be read as rows are images."""
    stored = [path for path in root.all_of("others") if path.endswith((".parquet", ".arrow"))]
    return len(root.all_of("images")) > len(stored)


def read_image_folder(root: Folder) -> dict[str, datasets.Dataset]:
    """Returns the rows of each split: the images by their paths, and their classes, or the columns of the tables.

    All images below a class folder are of that class.

    Raises:
        InputError: the images have no classes, or what is a split and what a class is in doubt.
        OSError, ValueError: a table cannot be read.
    """
    splits = split_folders(root)
    parts = [folder for folders in splits.values() for folder in folders]
    warn_of_left_out(root, [path for folder in parts for kind in ("images", "tables") for path in folder.all_of(kind)])
    if any(folder.all_of("tables") for folder in parts):
        return _tabled(splits, root)
    classes = {split: dict(_by_class(folders)) for split, folders in splits.items()}
    names = sorted({name for found in classes.values() for name in found.values()})
    _check_classes(splits, names, root)
    _tell_of_nested(splits, root)
    return {split: _rows(found, names) for split, found in classes.items()}


def _by_class(folders: Sequence[Folder]) -> Iterator[tuple[str, str]]:
    """Yields the path and the class of each image."""
    for folder in folders:
        for child in folder.children:
            yield from ((path, child.name) for path in _without_second_links(child))


def _without_second_links(folder: Folder) -> list[str]:
    """Returns the images of a class without links to others of them."""
    paths = folder.all_of("images")
    links = {path for path in paths if os.path.islink(path)}
    seen = {os.path.realpath(path): path for path in paths if path not in links} if links else {}
    again = {path for path in sorted(links) if seen.setdefault(os.path.realpath(path), path) != path}
    if again:
        words = "%s to other images of the same class not read, such as %s"
        logger.warning(words, counted(len(again), "link"), min(again))
    return [path for path in paths if path not in again]


def _rows(classes: Mapping[str, str], names: Sequence[str]) -> datasets.Dataset:
    paths = sorted(classes)
    images = pa.StructArray.from_arrays([pa.nulls(len(paths), pa.binary()), pa.array(paths)], names=["bytes", "path"])
    numbers = {name: number for number, name in enumerate(names)}
    labels = pa.array([numbers[classes[path]] for path in paths], type=pa.int64())
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))})
    return _in_memory(pa.table({"image": images, "label": labels}), features)


def _in_memory(table: pa.Table, features: datasets.Features) -> datasets.Dataset:
    return datasets.Dataset(datasets.table.InMemoryTable(table), info=datasets.DatasetInfo(features=features))


def _tabled(splits: Mapping[str, Sequence[Folder]], root: Folder) -> dict[str, datasets.Dataset]:
    """Returns the rows of the tables that lie beside the images."""
    tables = {
        split: [path for folder in folders for path in folder.all_of("tables")] for split, folders in splits.items()
    }
    for split, paths in tables.items():
        if not paths:
            raise InputError(f"the {split} split of {root.path} has no metadata file, as the others have; give it one")
    for path in (path for paths in tables.values() for path in paths if path.endswith(".csv")):
        _check_columns(path, root)
    files = {split: [glob.escape(path) for path in paths] for split, paths in tables.items()}
    streams = datasets.load_dataset_builder("imagefolder", data_files=files).as_streaming_dataset()
    read = {split: _rows_of_tables(stream) for split, stream in streams.items()}
    for split, rows in read.items():
        images = sum(len(folder.all_of("images")) for folder in splits[split])
        if len(rows) < images:
            words = "left out of the %d images of the %s split, as no row of its metadata file names them: %d"
            logger.warning(words, images, split, images - len(rows))
    return read


def _check_columns(path: str, root: Folder) -> None:
    """Checks that a table, columns apart by commas, has one that names images, as `datasets` calls it."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        header = file.readline().strip()
    separator = max(SEPARATORS, key=header.count)
    columns = [column.strip(" '\"") for column in header.split(separator)]
    if separator != "," and len(columns) > 1:
        raise InputError(f"{_place(path, root)} has {SEPARATORS[separator]} between its columns: write it with commas")
    if not any(column in FILE_COLUMNS or column.endswith(FILE_ENDINGS) for column in columns):
        listed = ", ".join(map(repr, columns))
        raise InputError(
            f"{_place(path, root)} has no column file_name, which names the images, but {listed}: {TABLE}"
        )


def _rows_of_tables(stream: datasets.IterableDataset) -> datasets.Dataset:
    features = stream.features
    for name, feature in features.items():
        if isinstance(feature, datasets.Image):
            stream = stream.cast_column(name, datasets.Image(decode=False))
    return _in_memory(pa.Table.from_pylist(list(stream), schema=features.arrow_schema), features)


def _check_classes(splits: Mapping[str, Sequence[Folder]], names: Sequence[str], root: Folder) -> None:
    loose = [folder for folders in splits.values() for folder in folders if folder.images]
    if not loose and len(names) > 1:
        return
    problem = _loose_problem(splits, loose[0], root) if loose else _one_class(splits, root)
    others = [path for path in root.all_of("others") if os.path.splitext(path)[1].lower() in LISTS]
    lists = root.all_of("tables") + others
    hint = f" ({_place(lists[0], root)} is not read: {TABLE})" if lists else ""
    raise InputError(f"the folder {root.path} shows no classes: {problem}{hint}; {LAYOUT}")


def _loose_problem(splits: Mapping[str, Sequence[Folder]], folder: Folder, root: Folder) -> str:
    example = _place(folder.images[0], root)
    if folder.children:
        return f"{example} lies less deep than the other images"
    if any(other.children for folders in splits.values() for other in folders):
        split = next(split for split, folders in splits.items() if folder in folders)
        way_out = " (if they have no classes, put them elsewhere, and test with --test_fraction 0.2)"
        return f"the {split} split has no class folders, only images such as {example}{way_out if split == 'test' else ''}"
    return f"its images, such as {example}, lie in no folder of a class"


def _one_class(splits: Mapping[str, Sequence[Folder]], root: Folder) -> str:
    folder = next(child for folders in splits.values() for folder in folders for child in folder.children)
    return f"all images lie in one class folder, {folder.name}, and a choice needs at least two classes"


def _tell_of_nested(splits: Mapping[str, Sequence[Folder]], root: Folder) -> None:
    classes = [child for folders in splits.values() for folder in folders for child in folder.children]
    nested = [(child, path) for child in classes for below in child.children for path in below.all_of("images")]
    if nested:
        child, path = nested[0]
        words = "%s further below in class folders of %s: of the class of that folder, as %s of %r"
        logger.warning(words, counted(len(nested), "image"), root.path, _place(path, root), child.name)


def _place(path: str, root: Folder) -> str:
    return os.path.relpath(path, root.path)
