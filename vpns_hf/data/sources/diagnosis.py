"""What is wrong with a folder of data, in one line: `datasets` is silent about it, or says it at length.

Files that are not read, images in no class, files that are damaged or missing, files that disagree.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetGenerationError

from ...errors import InputError
from ...utils.text import counted, first_line
from .folder_tree import IMAGES, Folder
from .labels import difference

logger = logging.getLogger(__name__)

# What is said in other words than those of the libraries, by what their message holds.
PLAIN_WORDS = {
    r"available configs: (\[.*\])": "it has several configurations: name one of {} with --dataset_config_name",
    r"while parsing a (\S+ \S+)": "the YAML of its README.md is broken in a {}",
    r"column names (don't match)": "its files have different columns: give all of them the same",
}
SHOWN = 3  # paths
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst")
ROWS = (".parquet", ".arrow", ".csv", ".tsv", ".json", ".jsonl", ".txt")
ROWS_AT_ONCE = 64
SPLIT_FILES = ("state.json", "dataset_info.json")
AGAIN = "save the data set again with `save_to_disk`"


def reason_of(error: BaseException) -> str:
    """Returns the root of an error in one line, with what can be done where that is known."""
    while isinstance(error, DatasetGenerationError) and error.__cause__ is not None:
        error = error.__cause__
    for pattern, words in PLAIN_WORDS.items():
        if found := re.search(pattern, str(error)):
            return words.format(found[1])
    return first_line(error)


def is_archive(name: str) -> bool:
    """Returns whether a name is that of files packed into one."""
    return PurePath(name).suffix.lower() in ARCHIVES


def check_unpacked(tree: Folder) -> None:
    """Checks that a folder holds more than archives; those that `webdataset` reads, with classes beside images, are none.

    Raises:
        InputError: it does not.
    """
    files = [path for kind in ("images", "tables", "others") for path in tree.all_of(kind)]
    archives = [path for path in files if is_archive(path) and not _has_classes_inside(path)]
    if archives and not any(PurePath(path).suffix in ROWS for path in files) and not tree.all_of("images"):
        example = os.path.relpath(archives[0], tree.path)
        raise InputError(
            f"the folder {tree.path} holds {counted(len(archives), 'archive')}, such as {example}: unpack it"
        )


def _has_classes_inside(path: str) -> bool:
    if PurePath(path).suffix != ".tar":
        return False
    try:
        with tarfile.open(path) as archive:
            names = [member.name for member in itertools.islice(archive, SHOWN)]
    except tarfile.TarError:
        return False
    return any(PurePath(name).suffix in (".cls", ".json") for name in names)


def warn_of_left_out(tree: Folder, read: Iterable[str]) -> None:
    """Warns of files that are not read, of links and hidden folders that are not followed, and of folders without images.

    Args:
        tree: what lies in the folder. Of files that lie in it directly only what ends as the others do is looked at:
            others are a README or a licence.
        read: the paths that are read.
    """
    known = set(read)
    endings = {PurePath(path).suffix.lower() for path in known}
    others, loops, hidden, empty, archives = (
        [],
        [],
        [],
        [],
        [path for path in tree.all_of("others") if is_archive(path)],
    )
    for folder in tree.walk():
        files = [*folder.images, *folder.tables, *folder.others]
        beside = files if folder is not tree else [path for path in files if PurePath(path).suffix.lower() in endings]
        others += [path for path in beside if path not in known and not is_archive(path)]
        loops += folder.loops
        hidden += folder.hidden
        empty += [] if files or folder.folders else [folder.path]
    _warn(
        "%s in %s %s not read, for how the names end, where they lie, or as links to nothing: %s", others, "file", tree
    )
    _warn("%s in %s %s not read; unpack what belongs to the images: %s", archives, "archive", tree)
    _warn("%s in %s %s not followed, as it leads to a folder above: %s", loops, "linked folder", tree)
    _warn("%s in %s %s hidden or left behind by other programs, and so not read: %s", hidden, "folder", tree)
    _warn("%s in %s %s without images and so no class: %s", empty, "folder", tree)


def warn_of_skipped(name: str, there: Iterable[str], read: Iterable[str], remedy: str) -> None:
    """Warns of folders of a repository with images that `datasets` passes over, as it does by names such as __background__.

    Args:
        name: of the repository.
        there: the addresses of all its files.
        read: of those that are read.
        remedy: what to do.
    """
    known = set(read)
    skipped = [path for path in there if path not in known and PurePath(path).suffix.lower() in IMAGES]
    folders = sorted({path.rpartition("/")[0].partition("@")[2].partition("/")[2] for path in skipped})
    if folders:
        listed = ", ".join([*folders[:SHOWN], *([f"and {len(folders) - SHOWN} more"] if folders[SHOWN:] else [])])
        logger.warning("%s of %s not read, which lie in %s: %s", counted(len(skipped), "image"), name, listed, remedy)


def _warn(words: str, paths: Sequence[str], kind: str, tree: Folder) -> None:
    if paths:
        names = sorted(os.path.relpath(path, tree.path) for path in paths)
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        shown = ", ".join([*names[:SHOWN], *more])
        logger.warning(words, counted(len(paths), kind), tree.path, "is" if len(paths) == 1 else "are", shown)


def damaged_file(folder: Path, error: BaseException) -> str | None:
    """Names the first parquet or Arrow file of a folder that cannot be read, with the reason; None where all can.

    Args:
        folder: holds the files.
        error: what a reader raised; only if it is about bytes are files read to their end.
    """
    about_bytes = any(isinstance(cause, pa.ArrowException | OSError) for cause in _causes(error))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for read in (_read_outline, _read_rows) if about_bytes else (_read_outline,):
        for path in paths:
            try:
                read(path)
            except (OSError, ValueError) as problem:
                reason = first_line(problem).rstrip(".")
                return f"{path.relative_to(folder)} cannot be read ({reason}); replace it, or remove it"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _read_outline(path: Path) -> None:
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as content:  # which finds what is cut off and reads no images
            pa.ipc.open_stream(content).read_all()
    if path.suffix == ".parquet":
        footer = pq.read_metadata(path)
        if footer.num_row_groups > 0 and footer.row_group(0).num_rows == 0:  # `datasets` reads as many rows at once
            raise ValueError("it has no rows, or none in its first group")


def _read_rows(path: Path) -> None:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches(ROWS_AT_ONCE):
                pass


def is_saved(folder: Path) -> bool:
    """Returns whether `save_to_disk` wrote the folder."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def check_saved(folder: Path) -> None:
    """Checks what `save_to_disk` wrote.

    Raises:
        InputError: a file is missing or no JSON, or a split is without rows.
    """
    if not (folder / "dataset_dict.json").is_file():
        _check_saved_split(folder)
        return
    for name in _read_json(folder / "dataset_dict.json").get("splits", []):
        _check_saved_split(folder / name)


def _check_saved_split(folder: Path) -> None:
    for name in SPLIT_FILES:
        _check_there(folder / name)
    files = _read_json(folder / "state.json").get("_data_files")
    if files == []:  # a split without rows is saved without files, which `datasets` fails to read
        raise InputError(f"the data set in {folder} is empty; save a split that has images, or remove it")
    for file in files or ():
        _check_there(folder / file["filename"])


def _check_there(path: Path) -> None:
    if not path.is_file():
        problem = f"the data set in {path.parent} is not whole: it has no {path.name}"
        raise InputError(f"{problem}; {AGAIN}, or take its split out of dataset_dict.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({first_line(error)}); {AGAIN}") from error


def check_files_agree(paths: Iterable[str]) -> None:
    """Checks the schemas of parquet files: `datasets` takes the classes of the first file and the numbers of all.

    Raises:
        InputError: a file has a column twice, or two files name different classes.
        ValueError, OSError: a file is no parquet file or cannot be read.
    """
    classes: dict[str, tuple[str, list[str]]] = {}
    for path in paths:
        schema, file = pq.read_schema(path), Path(path).name
        repeated = [name for name, count in Counter(schema.names).items() if count > 1]
        if repeated:
            raise InputError(f"{file} has the column {repeated[0]!r} more than once: rename or drop one")
        for column, feature in datasets.Features.from_arrow_schema(schema).items():
            if not isinstance(feature, datasets.ClassLabel):
                continue
            first, names = classes.setdefault(column, (file, feature.names))
            if feature.names != names:
                raise InputError(
                    f"the classes of the column {column!r} in {file} differ from those in {first} "
                    f"({difference(feature.names, names)}); they must agree"
                )
