"""The folder of a study: a job folder for each cell, who works on which, what jobs said, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..errors import InputError
from ..jobs import CELLS
from ..jobs.resume import FinishedJob, is_finished
from ..reporting.comparison import check_replaceable
from .cell import Cell
from .claims import Claims, Found


class Status(Enum):
    """How far a cell is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class State:
    """How far a cell is, and the newest claim to it."""

    status: Status
    found: Found


@dataclass(frozen=True)
class StudyFolder:
    """Where the parts of a study lie.

    Attributes:
        path: of the study.
    """

    path: Path

    def check(self) -> None:
        """Raises InputError if a job lies there, which the cells would hide, or files that the results would replace."""
        if FinishedJob.read(self.path) is not None:
            raise InputError(f"{self.path} holds a finished job; give another --output_dir")
        check_replaceable(self.path)

    def job(self, cell: Cell) -> Path:
        """Returns the job folder of a cell."""
        return self.path / CELLS / cell.name

    def claims(self, cell: Cell) -> Claims:
        """Returns the claims to a cell."""
        return Claims(self.path / "claims" / cell.name)

    def log(self, cell: Cell) -> Path:
        """Returns the file of what the job of a cell says."""
        return self.path / "logs" / f"{cell.name}.txt"

    def shared(self, cell: Cell) -> Path:
        """Returns the folder of pre-trained networks and dense references; other numbers of threads give other bits."""
        return self.path / "shared" / f"threads-{cell.threads}"

    def arguments(self, cell: Cell) -> list[str]:
        """Returns the arguments of the `vpns prune` that makes a cell."""
        return cell.arguments(self.job(cell), self.shared(cell))

    def state(self, cell: Cell) -> State:
        """Returns how far a cell is; done is one whose job is, whoever ran it."""
        found = self.claims(cell).newest()
        if is_finished(self.job(cell)):
            return State(Status.DONE, found)
        if found.is_open:
            return State(Status.RUNNING, found)
        failed = found.record is not None and found.record.ended == Status.FAILED.value
        return State(Status.FAILED if failed else Status.PLANNED, found)
