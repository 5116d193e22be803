"""What is wrong with a folder of data, in one line: `datasets` is silent about it, or says it at length.

Files that are not read, images in no class, files that are damaged or missing, files that disagree.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetGenerationError

from ...errors import InputError
from ...utils.text import counted, first_line
from .labels import difference

logger = logging.getLogger(__name__)

# What is said in other words than those of the libraries, by what their message holds.
PLAIN_WORDS = {
    r"available configs: (\[.*\])": "it has several configurations: name one of {} with --dataset_config_name",
    r"while parsing a (\S+ \S+)": "the YAML of its README.md is broken in a {}",
    r"column names (don't match)": "its files have different columns: give all of them the same",
}
METADATA = "metadata"  # the stem of the tables beside the images
SHOWN = 3  # paths
LAYOUT = "give one folder of images per class in each split, such as train/cat/1.jpg and test/cat/2.jpg"
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
    others, links, empty = [], [], []
    for place, folders, names in _walk_shown(root):
        beside = [place / name for name in names if place != root or PurePath(name).suffix.lower() in endings]
        others += [path for path in beside if os.path.realpath(path) not in read]
        links += [place / name for name in folders if (place / name).is_symlink()]
        empty += [] if names or folders else [place]
    _warn("%s in %s %s not read, for how the names end or as links to nothing: %s", others, "file", folder, root)
    _warn("%s in %s %s not followed; put the folders themselves there: %s", links, "linked folder", folder, root)
    _warn("%s in %s %s without images and so no class: %s", empty, "folder", folder, root)
    for split, count in rows.items():
        paths = files.get(split, ())
        images = sum(PurePath(path).stem != METADATA for path in paths)
        if count < images < len(paths):
            words = "left out of the %d images of the %s split, as no row of its %s file names them: %d"
            logger.warning(words, images, split, METADATA, images - count)


def _walk_shown(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yields what `os.walk` gives of what is not hidden."""
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        yield Path(place), folders, [name for name in names if not name.startswith((".", "__"))]


def _warn(words: str, paths: Sequence[Path], kind: str, folder: Path, root: Path) -> None:
    if paths:
        names = sorted(str(path.relative_to(root)) for path in paths)
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        shown = ", ".join([*names[:SHOWN], *more])
        logger.warning(words, counted(len(paths), kind), folder, "is" if len(paths) == 1 else "are", shown)


def no_classes(folder: Path, files: Mapping[str, Sequence[str]]) -> InputError:
    """Returns what is said about a folder of images without classes.

    Args:
        folder: holds the images.
        files: the paths of the images of each split.
    """
    inside = {
        split: [PurePath(os.path.relpath(path, folder.absolute())) for path in paths] for split, paths in files.items()
    }
    return InputError(f"the folder {folder} shows no classes: {_layout_problem(inside)}; {LAYOUT}")


def _layout_problem(files: Mapping[str, Sequence[PurePath]]) -> str:
    loose = _split_without_folders(files)
    if loose is not None:
        return f"the {loose} split has no class folders, only images such as {files[loose][0]}"
    every = [path for paths in files.values() for path in paths]
    [(usual, _), *unusual] = Counter(len(path.parts) for path in every).most_common()
    if unusual:
        stray = next(path for path in every if len(path.parts) != usual)
        return f"{stray} lies {'deeper' if len(stray.parts) > usual else 'less deep'} than the other images"
    if any(len({path.parts[-3:-2] for path in paths}) > 1 for paths in files.values()):
        return f"all images lie a folder too deep, as {every[0]} does"
    if usual == 1:
        return f"its images, such as {every[0]}, lie in no folder"
    return f"all images lie in one class folder, {every[0].parent.name}, and a choice needs at least two classes"


def _split_without_folders(files: Mapping[str, Sequence[PurePath]]) -> str | None:
    """Returns a split of which all images lie in one folder, less deep than the images of every other split."""
    deepest = {split: max(len(path.parts) for path in paths) for split, paths in files.items()}
    for split, paths in files.items():
        others = [depth for other, depth in deepest.items() if other != split]
        if others and deepest[split] < min(others) and len({path.parent for path in paths}) == 1:
            return split
    return None


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
