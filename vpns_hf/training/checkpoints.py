"""Checkpoints of a job: each a folder that is complete, with the checksum of every file, or not there at all.

A folder is written aside, every file and the folder itself are synced to the disk, and a rename puts it in place: whenever
the machine stops, the newest complete folder is what the last `write` that returned has left.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from vpns_hf.errors import InputError

logger = logging.getLogger(__name__)

VERSION = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"update-(\d{9})")


class TornError(Exception):
    """A checkpoint is not what was written: a file is missing, cut off or changed."""


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
        folder: where it is.
        files: {file name: {"bytes", "sha256"}} as written.
    """

    folder: Path
    files: Mapping[str, Mapping[str, Any]]

    @property
    def number(self) -> int:
        """The updates the job had taken."""
        return int(NAME.fullmatch(self.folder.name).group(1))

    def read(self, name: str) -> dict[str, Any]:
        """Returns one of the states that were written, its tensors in main memory."""
        return torch.load(self.folder / f"{name}.pt", map_location="cpu", weights_only=True)

    def verify(self) -> None:
        """Raises TornError if a file is not as it was written."""
        for name, written in self.files.items():
            try:
                with open(self.folder / name, "rb") as file:
                    found = {"bytes": os.fstat(file.fileno()).st_size, "sha256": _digest(file)}
            except OSError as error:
                raise TornError(f"{name} cannot be read ({error.strerror})") from error
            if found != written:
                raise TornError(f"{name} is not as it was written")


class Checkpoints:
    """The checkpoints of a job in one folder, the oldest removed.

    Args:
        folder: made when the first checkpoint is written.
        limit: how many to keep, at least 1.
    """

    def __init__(self, folder: Path, limit: int = 2) -> None:
        self.folder = folder
        self.limit = limit

    def write(self, number: int, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes a checkpoint and then removes the oldest above the limit.

        Args:
            number: the updates the job has taken; orders the checkpoints.
            states: {name: nested dicts and lists of tensors, numbers, strings}.

        Raises:
            InputError: if the disk refuses; what was written before stays as it was.
        """
        aside = self.folder / f".update-{number:09d}.partial"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            files = {f"{name}.pt": _write(aside / f"{name}.pt", state) for name, state in states.items()}
            _write_text(aside / MANIFEST, json.dumps({"version": VERSION, "files": files}))
            sync_folder(aside)
            self._put_in_place(aside, self.folder / f"update-{number:09d}")
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise InputError(
                f"no checkpoint could be written to {self.folder} ({error.strerror or error}); earlier ones are intact: "
                "make room and repeat the command to go on"
            ) from error
        self._remove_oldest()

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint that is as it was written; says in one line which ones are not."""
        for folder in reversed(self._folders()):
            try:
                checkpoint = _open(folder)
                checkpoint.verify()
            except TornError as error:
                logger.warning("the checkpoint %s is damaged (%s): using the one before", folder, error)
            else:
                return checkpoint
        return None

    def clear(self) -> None:
        """Removes all checkpoints, what is left of unfinished ones, and the folder if nothing else is in it."""
        for folder in [*self._folders(), *self.folder.glob(".update-*.partial")]:
            shutil.rmtree(folder)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir())

    def _put_in_place(self, aside: Path, place: Path) -> None:
        if place.exists():  # of the same updates, taken again after a damaged checkpoint was passed over
            shutil.rmtree(place)
        os.replace(aside, place)
        sync_folder(self.folder)

    def _remove_oldest(self) -> None:
        for folder in self._folders()[: -self.limit]:
            shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Hashed:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.bytes += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _write(path: Path, state: Mapping[str, Any]) -> dict[str, Any]:
    with open(path, "wb") as file:
        hashed = _Hashed(file)
        torch.save(dict(state), hashed)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": hashed.bytes, "sha256": hashed.digest.hexdigest()}


def _write_text(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _open(folder: Path) -> Checkpoint:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {
            str(name): {"bytes": file["bytes"], "sha256": file["sha256"]} for name, file in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TornError(f"{MANIFEST} cannot be read") from error
    if manifest.get("version") != VERSION:
        raise TornError(f"its version is {manifest.get('version')}, this code reads {VERSION}")
    if any(Path(name).name != name for name in files):
        raise TornError(f"{MANIFEST} names files outside the folder")
    return Checkpoint(folder, files)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
