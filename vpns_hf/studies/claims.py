"""Who works on a cell, in files: the first is `1.json`, and whoever takes the cell over writes the next number.

A file is created only where there is none, so that of several who want a cell one has it. Its owner writes a heartbeat
into it, and how it ended. Whose heartbeat stops has lost the cell.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from ..utils.files import one_line_refusals, write_file

BEAT = 5.0  # seconds
TIMEOUT = 60.0  # seconds without a heartbeat
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Record:
    """What a claim says.

    Attributes:
        who: machine and process.
        kernel: that runs the machine; locks are told apart within one alone. Empty if not known.
        since: when it began, UTC.
        beats: heartbeats so far.
        ended: "done", "failed" or "stopped"; None while it is at work.
        reason: of a failure, in one line.
    """

    who: str
    kernel: str
    since: str
    beats: int = 0
    ended: str | None = None
    reason: str | None = None

    @classmethod
    def new(cls) -> Record:
        """Returns that of this process, now."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(f"{socket.gethostname()} {os.getpid()}", this_kernel(), now)


@dataclass(frozen=True)
class Found:
    """The newest claim to a cell.

    Attributes:
        number: of the claim; 0 if nobody has claimed the cell yet.
        record: what it says; None if there is none, or it cannot be read.
    """

    number: int = 0
    record: Record | None = None

    @property
    def is_open(self) -> bool:
        """Whether its owner has not said how it ended."""
        return self.number > 0 and (self.record is None or self.record.ended is None)


class Claims:
    """The claims to one cell.

    Args:
        folder: of them, made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> Found:
        """Returns the one that counts."""
        number = max((int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdecimal()), default=0)
        if not number:
            return Found()
        try:
            return Found(number, Record(**json.loads(self.path(number).read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            return Found(number)

    def path(self, number: int) -> Path:
        """Returns the file of a claim."""
        return self.folder / f"{number}.json"

    def take(self, after: int, beat: float = BEAT) -> Claim | None:
        """Claims the cell where the newest claim has that number; returns None where somebody else has it.

        Args:
            after: the number of a claim that ended, or whose owner is gone; 0 if there is none.
            beat: seconds between two heartbeats.

        Raises:
            InputError: if the disk refuses.
        """
        with one_line_refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = Alive(self.folder)
            if not lock.taken():
                return None
            record = Record.new()
            try:
                with open(self.path(after + 1), "x", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(record)))
            except FileExistsError:
                lock.release()
                return None
            except OSError:
                lock.release()
                self.path(after + 1).unlink(missing_ok=True)
                raise
        return Claim(self, after + 1, record, lock, beat)

    def owner_is_gone(self, found: Found) -> bool:
        """Returns whether the owner of an open claim has surely ended: it was on this machine, and holds no lock."""
        if found.record is None or not found.record.kernel or found.record.kernel != this_kernel():
            return False
        lock = Alive(self.folder)
        is_free = lock.taken() and lock.knows
        lock.release()
        return is_free


class Alive:
    """A lock that its process holds as long as it lives."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "lock")
        self.knows = True  # whether the disk has locks

    def taken(self) -> bool:
        """Returns whether nobody else on this machine has it, and takes it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except NotImplementedError:
            self.knows = False
        return True

    def release(self) -> None:
        """Gives it back."""
        self._lock.release()


class Claim:
    """A cell that is ours; a thread writes the heartbeats until `end`.

    Attributes:
        lost: set when somebody else has taken the cell over.
    """

    def __init__(self, claims: Claims, number: int, record: Record, lock: Alive, beat: float) -> None:
        self._claims, self._number, self._record, self._lock = claims, number, record, lock
        self.lost, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, args=[beat], daemon=True)
        self._thread.start()

    def end(self, how: str, reason: str | None = None) -> None:
        """Says how it ended, and lets go.

        Raises:
            InputError: if the disk refuses; the others then see that the heartbeat has stopped.
        """
        self._over.set()
        self._thread.join()
        try:
            if not self.lost.is_set():
                self._record = replace(self._record, ended=how, reason=reason)
                with one_line_refusals(self._claims.folder):
                    self._write()
        finally:
            self._lock.release()

    def _beat(self, every: float) -> None:
        while not self._over.wait(every):
            if self._claims.newest().number != self._number:
                self.lost.set()
                return
            self._record = replace(self._record, beats=self._record.beats + 1)
            with suppress(OSError):  # a full disk; whoever then takes the cell over is seen by its number
                self._write()

    def _write(self) -> None:
        write_file(self._claims.path(self._number), json.dumps(asdict(self._record)))


class Watch:
    """Tells which open claims have had no heartbeat for so long, by the clock of this process alone.

    Args:
        timeout: in seconds.
        clock: seconds that only grow.
    """

    def __init__(self, timeout: float = TIMEOUT, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout, self._clock = timeout, clock
        self._seen: dict[Path, tuple[Found, float]] = {}

    def is_stale(self, claims: Claims, found: Found) -> bool:
        """Returns whether an open claim has not changed since it was first looked at, and the time is over."""
        now = self._clock()
        before, since = self._seen.get(claims.folder, (None, now))
        if before != found:
            since = now
        self._seen[claims.folder] = found, since
        return now - since >= self._timeout or claims.owner_is_gone(found)


def this_kernel() -> str:
    """Returns what tells the running system of this machine from that of others; empty if it is not known."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
