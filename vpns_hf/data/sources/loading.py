"""A name, a folder or a Hub id becomes a DatasetDict, or a stream of rows for each split."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import yaml
from datasets.exceptions import DatasetsError
from huggingface_hub import HfFileSystem
from huggingface_hub.errors import HTTPError

from ...errors import InputError
from ...utils.hub_client import is_online
from ..catalog import DATASETS, find_spec
from ..digits import build_digits
from .columns import image_bytes, image_columns
from .diagnosis import (
    check_files_agree,
    check_saved,
    check_unpacked,
    damaged_file,
    is_archive,
    is_saved,
    reason_of,
    warn_of_left_out,
    warn_of_skipped,
)
from .folder_tree import read_tree
from .image_folder import is_image_folder, read_image_folder
from .repeated_files import check_no_file_twice, check_no_image_twice
from .split_folders import check_files_of_splits

GENERATED: dict[str, Callable[[], datasets.DatasetDict]] = {"digits": build_digits}
HUB = "hf://"
# What the readers of folders and of the Hub raise about what they find there.
UNREADABLE = (OSError, ValueError, IndexError, RuntimeError, yaml.YAMLError, DatasetsError, HTTPError)


def load_image_dataset(
    name_or_path: str,
    *,
    config_name: str | None = None,
    cache_dir: str | None = None,
    revision: str | None = None,
) -> datasets.DatasetDict:
    """Loads a data set of images.

    Args:
        name_or_path: a short name of `DATASETS`; a local folder (files in the layout of a Hub data set, one folder
            of images per class, or one written by `save_to_disk`); else a Hub id. `./cifar10` is the folder,
            `cifar10` the short name.
        config_name: the configuration of a data set that has several.
        cache_dir: where `datasets` keeps what it downloads and converts.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: the folder does not exist or holds no data set, its files disagree on columns or classes, or the
            Hub cannot be reached.
    """
    return _read(name_or_path, config_name, revision, cache_dir=cache_dir)


def stream_image_dataset(
    name_or_path: str, *, config_name: str | None = None, revision: str | None = None
) -> datasets.IterableDatasetDict:
    """Returns the same data sets as rows that are read, or downloaded, when they are asked for; nothing is kept on disk.

    Args:
        name_or_path: as in `load_image_dataset`.
        config_name: the configuration of a data set that has several.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: as `load_image_dataset`. What is wrong further inside the files is raised where it is read.
    """
    splits = _read(name_or_path, config_name, revision, streaming=True)
    for name, split in splits.items():
        if split.features is None:
            raise InputError(
                f"the {name} split of {name_or_path} does not say its columns before it is read; leave out --streaming"
            )
    rows = {name: split for name, split in splits.items() if isinstance(split, datasets.Dataset)}
    for column in {column for split in rows.values() for column in image_columns(split)}:
        check_no_image_twice(rows, column)
    return datasets.IterableDatasetDict(
        {name: rows[name].to_iterable_dataset() if name in rows else split for name, split in splits.items()}
    )


def check_dataset_is_there(name_or_path: str, *, config_name: str | None = None) -> None:
    """Checks that a data set can be found, and reads nothing of it; of one on the Hub that its files are listed.

    Args:
        name_or_path: as in `load_image_dataset`.
        config_name: the configuration of a data set that has several.

    Raises:
        InputError: the folder does not exist, or the Hub has no such data set or cannot be reached.
    """
    place, config_name = _place_of(name_or_path, config_name)
    if name_or_path not in GENERATED and not _is_folder(place):
        with _from_hub(place):
            datasets.load_dataset_builder(place, config_name)


def parquet_files(
    name_or_path: str,
    streams: Mapping[str, datasets.IterableDataset],
    *,
    config_name: str | None = None,
    revision: str | None = None,
) -> dict[str, list[str]]:
    """Returns the files of each split of `streams` if all are parquet files; nothing for other formats.

    Args:
        name_or_path: the data set `streams` were read from.
        streams: what `stream_image_dataset` returned.
        config_name: the configuration of a data set that has several.
        revision: branch, tag or commit on the Hub.
    """
    if any(stream.info.builder_name != "parquet" for stream in streams.values()):
        return {}
    path, config_name = _place_of(name_or_path, config_name)
    config = datasets.load_dataset_builder(path, config_name, revision=revision).config
    files = {name: list(config.data_files[name]) for name in streams}
    return files if all(path.endswith(".parquet") for path in chain(*files.values())) else {}


def _read(name: str, config_name: str | None, revision: str | None, **how: Any) -> dict[str, Any]:
    """Returns the splits by name; `how` is for `datasets.load_dataset`."""
    if name in GENERATED:
        return GENERATED[name]()
    name, config_name = _place_of(name, config_name)
    if _is_folder(name):
        return _read_folder(Path(name), config_name, **how)
    return _read_from_hub(name, config_name, revision=revision, **how)


def _is_folder(name: str) -> bool:
    """Returns whether a data set is a folder here; if not, it can only be on the Hub.

    Raises:
        InputError: it is a file, or written like a path that leads nowhere.
    """
    folder = Path(name)
    if folder.is_file() and is_archive(name):
        raise InputError(f"{name} is an archive; unpack it, and give the folder")
    if folder.is_file():
        raise InputError(f"{name} is a file; give its folder, {folder.absolute().parent}, of which all files are read")
    if not folder.is_dir() and (folder.exists() or _looks_like_path(name)):
        raise InputError(f"no data set folder at {name}; give a folder, a Hub id or one of {list(DATASETS)}")
    return folder.is_dir()


def _place_of(name: str, config_name: str | None) -> tuple[str, str | None]:
    """Returns the folder or Hub id of what may be a short name, and the configuration."""
    spec = find_spec(name)
    if spec is not None:
        return spec.path, config_name or spec.config_name
    return os.path.expanduser(name), config_name


def _looks_like_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _read_folder(
    folder: Path, config_name: str | None, cache_dir: str | None = None, streaming: bool = False, **how: Any
) -> dict[str, Any]:
    try:
        if is_saved(folder):
            check_saved(folder)
            return _as_splits(datasets.load_from_disk(str(folder)))
        tree = None if _lists_its_files(folder) else read_tree(folder)
        if tree is not None:
            check_unpacked(tree)
            if config_name is None and is_image_folder(tree):
                return datasets.DatasetDict(read_image_folder(tree))
        builder = datasets.load_dataset_builder(str(folder), config_name, cache_dir=cache_dir, **how)
        files = builder.config.data_files or {}
        where = f"its path below {folder}" if tree is not None else f"the data_files of {folder / 'README.md'}"
        check_no_file_twice(files, f"leave one link to each file, and the word of one split in {where}")
        if tree is not None:
            check_files_of_splits(files, tree.path)
        check_files_agree(path for path in chain(*files.values()) if path.endswith(".parquet"))
        splits = _splits_of(builder, streaming)
        if tree is not None and builder.info.builder_name == "parquet":
            warn_of_left_out(tree, chain(*files.values()))
        return splits
    except InputError:
        raise
    except UNREADABLE as error:
        reason = damaged_file(folder, error) or reason_of(error)
        raise InputError(f"no images could be loaded from the folder {folder}: {reason}") from error


def _lists_its_files(folder: Path) -> bool:
    """Returns whether the card of a data set chooses among the files."""
    card = folder / "README.md"
    return card.is_file() and "\nconfigs:" in card.read_text(encoding="utf-8", errors="replace")


def _splits_of(builder: datasets.DatasetBuilder, streaming: bool) -> dict[str, Any]:
    if streaming:
        return _as_splits(builder.as_streaming_dataset())
    builder.download_and_prepare()
    for name, split in builder.info.splits.items():
        if split.num_examples == 0:  # which `datasets` fails to open
            raise InputError(f"the {name} split is empty; give it at least one image")
    return _as_splits(builder.as_dataset())


def _read_from_hub(name: str, config_name: str | None, **how: Any) -> dict[str, Any]:
    with _from_hub(name):
        _check_files_on_hub(name, config_name, how.get("revision"))
        return _as_splits(datasets.load_dataset(name, config_name, **how))


@contextmanager
def _from_hub(name: str) -> Iterator[None]:
    """Turns what is raised about a data set that is not here into an `InputError`."""
    try:
        with _offline(not is_online(name, "dataset")):
            yield
    except UNREADABLE as error:
        raise InputError(
            f"{name} is no folder here, and could not be loaded from the Hub ({reason_of(error)}); "
            f"without network give a local folder or one of {sorted(GENERATED)}"
        ) from error


def _check_files_on_hub(name: str, config_name: str | None, revision: str | None) -> None:
    try:
        builder = datasets.load_dataset_builder(name, config_name, revision=revision)
    except UNREADABLE:  # which is told by who reads it
        return
    files = builder.config.data_files or {}
    download = f"give what `hf download {name} --repo-type dataset --local-dir DIR` makes"
    check_no_file_twice(files, f"the names of its folders look like splits; {download}")
    if builder.info.builder_name == "imagefolder":
        with suppress(*UNREADABLE):
            warn_of_skipped(name, _listed_on_hub(files), chain(*files.values()), download)


def _listed_on_hub(files: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the addresses of all files of the repositories that hold `files`, as these are written."""
    places = (path.removeprefix(HUB) for path in chain(*files.values()) if path.startswith(HUB))
    repositories = {"/".join(place.split("/")[:3]) for place in places}  # datasets/owner/name@commit
    return [f"{HUB}{path}" for repository in repositories for path in HfFileSystem().find(repository)]


@contextmanager
def _offline(unreachable: bool) -> Iterator[None]:
    """Keeps `datasets` from asking a Hub that does not answer, five times over: it then reads its cache."""
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or unreachable
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before


def _as_splits(loaded: Any) -> dict[str, Any]:
    splits = datasets.DatasetDict({"train": loaded}) if isinstance(loaded, datasets.Dataset) else loaded
    return type(splits)({name: _with_images(split) for name, split in splits.items()})


def _with_images(split: Any) -> Any:
    for name in image_bytes(split.features or {}):
        split = split.cast_column(name, datasets.Image())
    return split
