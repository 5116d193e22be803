"""What lies in a folder and becomes no row, about which `datasets` is silent."""

from __future__ import annotations

import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetGenerationError

from ...errors import InputError
from .labels import difference

# What is said in other words than those of the libraries, by what their message holds.
PLAIN_WORDS = {
    r"available configs: (\[.*\])": "it has several configurations: name one of {} with --dataset_config_name",
    r"while parsing a (\S+ \S+)": "the YAML of its README.md is broken in a {}",
    r"column names (don't match)": "its files have different columns: give all of them the same",
}


def reason_of(error: BaseException) -> str:
    """The root of an error in one line, with what can be done where that is known."""
    while isinstance(error, DatasetGenerationError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    for pattern, words in PLAIN_WORDS.items():
        if found := re.search(pattern, text):
            return words.format(found[1])
    return text.splitlines()[0]


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


LAYOUT = "give one folder of images per class in each split, such as train/cat/1.jpg and test/cat/2.jpg"


def no_classes(folder: Path, files: Mapping[str, Sequence[str]]) -> InputError:
    """What is said about a folder of images without classes.

    Args:
        folder: holds the images.
        files: the paths of the images of each split.
    """
    inside = {
        split: [PurePath(os.path.relpath(path, folder.absolute())) for path in paths] for split, paths in files.items()
    }
    return InputError(f"the folder {folder} shows no classes: {_why(inside)}; {LAYOUT}")


def _why(files: Mapping[str, Sequence[PurePath]]) -> str:
    loose = _split_without_folders(files)
    if loose is not None:
        return f"the {loose} split has no class folders, only images such as {files[loose][0]}"
    every = [path for paths in files.values() for path in paths]
    depths = Counter(len(path.parts) for path in every)
    if len(depths) > 1:
        return _uneven(every, depths.most_common(1)[0][0])
    if any(len({path.parts[-3:-2] for path in paths}) > 1 for paths in files.values()):
        return f"all images lie a folder too deep, as {every[0]} does"
    if len(every[0].parts) == 1:
        return f"its images, such as {every[0]}, lie in no folder"
    return f"all images lie in one class folder, {every[0].parent.name}, and a choice needs at least two classes"


def _split_without_folders(files: Mapping[str, Sequence[PurePath]]) -> str | None:
    """A split of which all images lie in one folder, less deep than the images of every other split."""
    deepest = {split: max(len(path.parts) for path in paths) for split, paths in files.items()}
    for split, paths in files.items():
        others = [depth for other, depth in deepest.items() if other != split]
        if others and deepest[split] < min(others) and len({path.parent for path in paths}) == 1:
            return split
    return None


def _uneven(files: Sequence[PurePath], usual: int) -> str:
    stray = next(path for path in files if len(path.parts) != usual)
    where = "deeper" if len(stray.parts) > usual else "less deep"
    return f"{stray} lies {where} than the other images"


ROWS_AT_ONCE = 64
Readers = Mapping[str, Callable[[Path], None]]


def _read_arrow(path: Path) -> None:
    with pa.memory_map(str(path)) as content:  # which finds what is cut off and reads no images
        pa.ipc.open_stream(content).read_all()


def _read_footer(path: Path) -> None:
    footer = pq.read_metadata(path)
    if footer.num_row_groups > 0 and footer.row_group(0).num_rows == 0:  # `datasets` reads as many rows at once
        raise ValueError("it has no rows, or none in its first group")


def _read_rows(path: Path) -> None:
    with pq.ParquetFile(path) as file:
        for _ in file.iter_batches(ROWS_AT_ONCE):
            pass


OUTLINES: Readers = {".parquet": _read_footer, ".arrow": _read_arrow}
CONTENTS: Readers = {".parquet": _read_rows}


def damaged_file(folder: Path, error: BaseException) -> str | None:
    """Names the first parquet or Arrow file of a folder that cannot be read, with the reason; None where all can.

    Args:
        folder: holds the files.
        error: what a reader raised; only if it is about bytes are files read to their end.
    """
    about_bytes = any(isinstance(cause, pa.ArrowException | OSError) for cause in _causes(error))
    return _first_damaged(folder, OUTLINES) or (_first_damaged(folder, CONTENTS) if about_bytes else None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _first_damaged(folder: Path, readers: Readers) -> str | None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            readers.get(path.suffix, lambda _: None)(path)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            return f"{path.relative_to(folder)} cannot be read ({reason}); replace it, or remove it"
    return None


SPLIT_FILES = ("state.json", "dataset_info.json")
AGAIN = "save the data set again with `save_to_disk`"


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def check_saved(folder: Path) -> None:
    """Checks what `save_to_disk` wrote.

    Raises:
        InputError: a file is missing or no JSON, or a split is without rows.
    """
    if not (folder / "dataset_dict.json").is_file():
        _check_split(folder)
        return
    for name in _read(folder / "dataset_dict.json").get("splits", []):
        _check_split(folder / name)


def _check_split(folder: Path) -> None:
    for name in SPLIT_FILES:
        _check_there(folder / name)
    files = _read(folder / "state.json").get("_data_files")
    if files == []:  # a split without rows is saved without files, which `datasets` fails to read
        raise InputError(f"the data set in {folder} is empty; save a split that has images, or remove it")
    for file in files or ():
        _check_there(folder / file["filename"])


def _check_there(path: Path) -> None:
    if not path.is_file():
        problem = f"the data set in {path.parent} is not whole: it has no {path.name}"
        raise InputError(f"{problem}; {AGAIN}, or take its split out of dataset_dict.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({str(error).splitlines()[0]}); {AGAIN}") from error


def check_files_agree(paths: Iterable[str]) -> None:
    """Checks the schemas of parquet files: `datasets` takes the classes of the first file and the numbers of all.

    Raises:
        InputError: a file has a column twice, or two files name different classes.
        ValueError, OSError: a file is no parquet file or cannot be read.
    """
    classes: dict[str, tuple[str, list[str]]] = {}
    for path in paths:
        schema, file = pq.read_schema(path), Path(path).name
        _check_columns(schema.names, file)
        for column, feature in datasets.Features.from_arrow_schema(schema).items():
            if isinstance(feature, datasets.ClassLabel):
                first, names = classes.setdefault(column, (file, feature.names))
                _check_classes(column, feature.names, names, file, first)


def _check_columns(names: list[str], file: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f"{file} has the column {repeated[0]!r} more than once: rename or drop one")


def _check_classes(column: str, names: list[str], expected: list[str], file: str, first: str) -> None:
    if names != expected:
        raise InputError(
            f"the classes of the column {column!r} in {file} differ from those in {first} "
            f"({difference(names, expected)}); they must agree"
        )
