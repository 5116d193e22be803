"""A name, a folder or a Hub id becomes a DatasetDict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
from datasets.exceptions import DatasetsError

from vpns_hf.data.digits import build_digits
from vpns_hf.data.specs import DATASETS, find_spec
from vpns_hf.errors import InputError
from vpns_hf.hub.reach import hub_answers

GENERATED: dict[str, Callable[[], datasets.DatasetDict]] = {"digits": build_digits}


def load_image_dataset(
    name_or_path: str,
    *,
    config_name: str | None = None,
    cache_dir: str | None = None,
    revision: str | None = None,
) -> datasets.DatasetDict:
    """Load a data set of images.

    Args:
        name_or_path: a short name of `DATASETS`; a local folder (files in the layout of a Hub data set, one folder
            of images per class, or one written by `save_to_disk`); else a Hub id. `./cifar10` is the folder,
            `cifar10` the short name.
        config_name: the configuration of a data set that has several.
        cache_dir: where `datasets` keeps what it downloads and converts.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: the folder does not exist or holds no data set, or the Hub cannot be reached.
    """
    if name_or_path in GENERATED:
        return GENERATED[name_or_path]()
    spec = find_spec(name_or_path)
    if spec is not None:
        name_or_path, config_name = spec.path, config_name or spec.config_name
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return _load_folder(folder, config_name, cache_dir)
    if folder.exists() or _looks_like_path(name_or_path):
        raise InputError(f"no data set folder at {name_or_path}; give a folder, a Hub id or one of {list(DATASETS)}")
    return _load_from_hub(name_or_path, config_name, cache_dir, revision)


def _looks_like_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _load_folder(folder: Path, config_name: str | None, cache_dir: str | None) -> datasets.DatasetDict:
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            return _as_splits(datasets.load_from_disk(str(folder)))
        return _as_splits(datasets.load_dataset(str(folder), config_name, cache_dir=cache_dir))
    except (OSError, ValueError, IndexError, DatasetsError) as error:
        raise InputError(f"no images could be loaded from the folder {folder}: {_first_line(error)}") from error


def _load_from_hub(
    name: str, config_name: str | None, cache_dir: str | None, revision: str | None
) -> datasets.DatasetDict:
    try:
        with _offline(not hub_answers(name, "dataset")):
            return _as_splits(datasets.load_dataset(name, config_name, cache_dir=cache_dir, revision=revision))
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise InputError(
            f"{name} could not be loaded from the Hub ({_first_line(error)}); "
            f"without network give a local folder or one of {sorted(GENERATED)}"
        ) from error


@contextmanager
def _offline(unreachable: bool) -> Iterator[None]:
    """Keeps `datasets` from asking a Hub that does not answer, five times over: it then reads its cache."""
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or unreachable
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before


def _as_splits(loaded: datasets.DatasetDict | datasets.Dataset) -> datasets.DatasetDict:
    return datasets.DatasetDict({"train": loaded}) if isinstance(loaded, datasets.Dataset) else loaded


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
