"""What a name of a model or data set stands for: of a local path the files, of a Hub id or short name the name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

SAMPLE = 16  # files of which the beginning is read, as of large folders of images not each can be
BEGINNING = 1 << 20


def content_of(name: str | None) -> str | None:
    """Returns a digest of the files that a name leads to, or the name itself where it is no local path.

    Names and sizes of all files count, and the first 2^20 bytes of a sample of them, evenly spread.
    """
    path = Path(name or "").expanduser()
    if not name or not path.exists():
        return name
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if _counts(each, path))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size}\n".encode())
    sample = np.linspace(0, len(files) - 1, min(SAMPLE, len(files))).round().astype(int)
    for place in sample:
        with open(files[place], "rb") as file:
            digest.update(file.read(BEGINNING))
    return f"files {digest.hexdigest()[:16]}"


def _counts(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
