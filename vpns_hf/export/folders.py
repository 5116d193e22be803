"""The folder an export writes: new or empty before, complete or not there at all after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..utils.files import folder_in_place


def free_folder(output_dir: str | os.PathLike) -> Path:
    """Returns a folder that is new or empty.

    Raises:
        InputError: if it is neither.
    """
    folder = Path(output_dir).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"output_dir {folder} is there already and no empty folder; give a new one")
    return folder


@contextmanager
def exported_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder to be filled, which is at `folder` once the block has ended; where that fails nothing is left.

    Raises:
        InputError: if the disk refuses.
    """
    try:
        with folder_in_place(folder) as aside:
            yield aside
            for file in aside.iterdir():  # some writers keep their files to their owner; the folder follows the umask
                file.chmod(aside.stat().st_mode & 0o666)
    except OSError as error:
        raise InputError(
            f"output_dir {folder} cannot be written to ({error.strerror}); give another folder"
        ) from error
