"""Making one cell: claim it, run its job as a process, and say how it ended."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InputError
from ..jobs.output import LOCK
from ..utils.files import REFUSED, one_line_refusals
from .cell import Cell
from .claims import BEAT, Claim
from .folder import Status, StudyFolder

logger = logging.getLogger(__name__)

TIED = Path(__file__).with_name("tied.py")
PACKAGES = Path(__file__).parents[2]
PRUNE = ("-m", "vpns_hf", "prune")
TRIES = 5  # of a job that somebody kills
STOPPED = "stopped"
POLL = 0.5  # seconds
GRACE = 300.0  # seconds a job that is asked to stop has to leave a checkpoint


@dataclass(frozen=True)
class Work:
    """Makes cells in one place.

    Attributes:
        folder: of the study.
        stop: set when the jobs are to stop.
        environment: of the jobs, beside that of this process.
        program: arguments of Python that run a job, before those of the job.
        beat: seconds between two heartbeats.
    """

    folder: StudyFolder
    stop: threading.Event
    environment: Mapping[str, str]
    program: Sequence[str] = PRUNE
    beat: float = BEAT

    def make(self, cell: Cell, after: int) -> str | None:
        """Runs the job of a cell; returns how it ended: "done", "failed" or "stopped", None where somebody else has it.

        Args:
            cell: to be made.
            after: the number of the claim that is taken over.

        Raises:
            InputError: if the disk refuses; the cell is to be made later then.
        """
        claim = self.folder.claims(cell).take(after, self.beat)
        if claim is None:
            return None
        how, reason = STOPPED, None
        try:
            how, reason = self._run(cell, claim)
        finally:
            claim.end(how, reason)
        return how

    def _run(self, cell: Cell, claim: Claim) -> tuple[str, str | None]:
        self._wait_for_folder(cell)
        for _ in range(TRIES):
            code, said = self._once(cell, claim)
            if self.stop.is_set() or claim.lost.is_set():
                return STOPPED, None
            if code == 0:
                return Status.DONE.value, None
            if code in (2, 1) and REFUSED in said:
                raise InputError(said)
            if code > 0 and code - 128 not in (signal.SIGTERM, signal.SIGINT):
                return Status.FAILED.value, said
            logger.info("%s: its process was stopped (%s); it goes on from its checkpoint", cell.in_words, said)
        return Status.FAILED.value, f"its process was stopped {TRIES} times; the last: {said}"

    def _once(self, cell: Cell, claim: Claim) -> tuple[int, str]:
        """Returns the exit code of the job, and the line that says why it ended."""
        log = self.folder.log(cell)
        with one_line_refusals(self.folder.path):
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "ab") as file:
                begin = file.tell()
                process = self._start(cell, file)
                while not self._has_ended(process):
                    if self.stop.is_set() or claim.lost.is_set():
                        _end(process)
        with open(log, "rb") as file:
            file.seek(begin)
            return process.returncode, reason_in(file.read().decode(errors="replace"), process.returncode)

    def _start(self, cell: Cell, output: object) -> subprocess.Popen:
        threads = str(cell.threads)
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")])),
            **self.environment,
        }
        command = [sys.executable, TIED, os.getpid(), *self.program, *self.folder.arguments(cell)]
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # so that Ctrl-C comes to it once, from us
        )

    def _has_ended(self, process: subprocess.Popen) -> bool:
        try:
            process.wait(POLL)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _wait_for_folder(self, cell: Cell) -> None:
        """Waits for the job of an owner that was killed, which is asked to stop then and writes its checkpoint."""
        lock = self.folder.job(cell) / LOCK
        while lock.exists() and not self.stop.is_set():
            try:
                with FileLock(lock).acquire(timeout=POLL):
                    return
            except Timeout:
                continue
            except (NotImplementedError, OSError):
                return


def reason_in(said: str, code: int) -> str:
    """Returns the line that tells why a job ended: its error, else the last one, else the code."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return (errors or lines or [f"exit code {code}"])[-1]


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
