"""What runs the cells of a study."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ..agenda import Agenda
from ..cell import Cell
from ..claims import BEAT
from ..work import PRUNE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine(ABC):
    """Runs cells until each is done or has failed.

    Attributes:
        program: arguments of Python that run a job, before those of the job.
        beat: seconds between two heartbeats of a job.
    """

    program: Sequence[str] = PRUNE
    beat: float = BEAT

    @abstractmethod
    def run(self, agenda: Agenda) -> None:
        """Makes all cells of an agenda; those that others have are waited for.

        Raises:
            InputError: if the disk refuses.
        """


def report(agenda: Agenda, cell: Cell, how: str | None) -> None:
    """Logs how a cell ended."""
    if how is None:
        return
    reason = agenda.folder.state(cell).found.record
    why = f": {reason.reason}" if reason is not None and reason.reason else ""
    logger.info("%s: %s%s", cell.in_words, how, why)
