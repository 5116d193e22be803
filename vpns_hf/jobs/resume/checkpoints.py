"""Checkpoints of a job: each a folder that is complete, with the checksum of every file, or not there at all.

A folder is written aside, every file and the folder itself are synced to the disk, and a rename puts it in place: whenever
the machine stops, the newest complete folder is what the last `write` that returned has left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from ...errors import InputError
from ...utils.files import aside_of, disk_refusal, folder_in_place, remove_folder
from ..output import digest_of_stream

logger = logging.getLogger(__name__)

VERSION = 4
MANIFEST = "manifest.json"
NAME = re.compile(r"checkpoint-(\d{6})")


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
        """Its number, which counts the checkpoints of a job."""
        return int(NAME.fullmatch(self.folder.name).group(1))

    def read(self, name: str) -> dict[str, Any]:
        """Returns one of the states that were written, its tensors in main memory."""
        return torch.load(self.folder / f"{name}.pt", map_location="cpu", weights_only=True)

    def verify(self) -> None:
        """Raises TornError if a file is not as it was written."""
        for name, written in self.files.items():
            try:
                with open(self.folder / name, "rb") as file:
                    found = {"bytes": os.fstat(file.fileno()).st_size, "sha256": digest_of_stream(file)}
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
        self._damaged: list[Path] = []

    def write(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes the next checkpoint and then removes the oldest above the limit.

        Args:
            states: {name: nested dicts and lists of tensors, numbers, strings}.

        Raises:
            InputError: if the disk refuses; what was written before stays as it was.
        """
        name = self._next_name()
        try:
            with folder_in_place(self.folder / name) as aside:
                files = {f"{name}.pt": _write(aside / f"{name}.pt", state) for name, state in states.items()}
                manifest = json.dumps({"version": VERSION, "files": files})
                (aside / MANIFEST).write_text(manifest, encoding="utf-8")
        except OSError as error:
            raise InputError(f"no checkpoint could be written to {self.folder} {disk_refusal(error)}") from error
        self._remove_oldest()

    def newest(self) -> Path | None:
        """Returns the folder of the newest checkpoint, whatever its state."""
        return next(reversed(self._folders()), None)

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint that is as it was written; says in one line which ones are not."""
        whole, damage = None, {}
        for folder in reversed(self._folders()):
            try:
                whole = _open(folder)
                whole.verify()
                break
            except TornError as error:
                whole, damage[folder] = None, str(error)
        self._damaged = list(damage)
        if damage:
            named = ", ".join(f"{folder} ({reason})" for folder, reason in damage.items())
            used = f"using {whole.folder.name}" if whole else "no other is there, so the job starts anew"
            logger.warning("damaged checkpoint: %s; %s", named, used)
        return whole

    def clear(self) -> None:
        """Removes all checkpoints, what is left of unfinished ones, and the folder if nothing else is in it.

        The oldest go first: interrupted, it leaves the newest whole or none.
        """
        for folder in [*self.folder.glob(".checkpoint-*.partial"), *self._folders()]:
            _remove(folder)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _folders(self) -> list[Path]:
        return [path for path in self._named() if path.is_dir() and _holds_only_ours(path)]

    def _named(self) -> list[Path]:
        """Returns everything with the name of a checkpoint, also what somebody else has put there."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if NAME.fullmatch(path.name))

    def _next_name(self) -> str:
        numbers = [int(NAME.fullmatch(path.name).group(1)) for path in self._named()]
        return f"checkpoint-{max(numbers, default=0) + 1:06d}"

    def _remove_oldest(self) -> None:
        for folder in self._damaged:
            _remove(folder)
        self._damaged = []
        for folder in self._folders()[: -self.limit]:
            _remove(folder)


def open_checkpoint(folder: Path) -> Checkpoint:
    """Returns the checkpoint in a folder.

    Raises:
        InputError: if there is none, or it is not as it was written.
    """
    if NAME.fullmatch(folder.name) is None or not folder.is_dir():
        raise InputError(
            f"{folder} is no checkpoint; give latest, none, or a folder such as output/checkpoints/checkpoint-000007"
        )
    try:
        checkpoint = _open(folder)
        checkpoint.verify()
    except TornError as error:
        raise InputError(f"the checkpoint {folder} is damaged ({error}); give another one") from error
    return checkpoint


def _holds_only_ours(folder: Path) -> bool:
    return all(path.name == MANIFEST or path.suffix == ".pt" for path in folder.iterdir())


def _remove(folder: Path) -> None:
    """Removes a folder in a way that, interrupted, leaves no torn checkpoint behind."""
    aside = folder if folder.name.startswith(".") else aside_of(folder)
    with contextlib.suppress(OSError):
        os.replace(folder, aside)
    remove_folder(aside)


class Hashed:
    """A file that knows the digest of what was written to it.

    What the disk refuses is kept to be raised afterwards: it must not pass through the native code that writes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.bytes += len(data)
        if self.error is None:
            try:
                self.file.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def _write(path: Path, state: Mapping[str, Any]) -> dict[str, Any]:
    with open(path, "wb") as file:
        hashed = Hashed(file)
        torch.save(dict(state), hashed)
        if hashed.error is not None:
            raise hashed.error
    return {"bytes": hashed.bytes, "sha256": hashed.digest.hexdigest()}


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
