"""Whether a folder written by `save_to_disk` is whole: `datasets` says in other words what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vpns_hf.errors import InputError

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
