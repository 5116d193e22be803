"""A folder that one job at a time writes to."""

from __future__ import annotations

import logging
from pathlib import Path

from accelerate import Accelerator
from filelock import FileLock, Timeout

from ...errors import InputError
from ...training.distributed import from_main_process
from ...utils.files import one_line_refusals
from .output import make_folder, remove_empty

logger = logging.getLogger(__name__)

LOCK = ".vpns.lock"


class ClaimedFolder:
    """Keeps other jobs out of a folder while this one is in the block; the end of the process ends it too.

    The folder is made. Afterwards it is gone again, with those above that were made, if nothing was written to it.

    Args:
        folder: of the job.
        accelerator: its main process is the one that claims.
    """

    def __init__(self, folder: Path, accelerator: Accelerator) -> None:
        self._folder, self._accelerator = folder, accelerator
        self._lock = FileLock(folder / LOCK)
        self._made: list[Path] = []

    def __enter__(self) -> None:
        """Claims the folder.

        Raises:
            InputError: in every process, if another job has it or the disk refuses.
        """
        from_main_process(self._accelerator, self._claim)

    def __exit__(self, *exception: object) -> None:
        if self._lock.is_locked:
            (self._folder / LOCK).unlink(missing_ok=True)  # before anybody else can have it
            self._lock.release()
            remove_empty(self._made)

    def _claim(self) -> None:
        with one_line_refusals(self._folder):
            self._made = make_folder(self._folder)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise InputError(
                    f"another job is writing to {self._folder}; wait for its end, or give another --output_dir"
                ) from None
            except NotImplementedError:
                logger.warning("%s is on a disk without locks: start no other job there", self._folder)
