"""On a cluster: each job as a task of Ray, with results over a folder that all machines share."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import InputError
from ...utils.extras import of_extra
from ...utils.text import first_line
from ..agenda import Agenda, Turn
from ..cell import Cell
from ..folder import Status, StudyFolder
from ..work import POLL, TRIES, Work
from .base import Engine, logger, report


@dataclass(frozen=True)
class RayEngine(Engine):
    """A task per job. A task that is lost with its machine is given out again, and its job goes on from its checkpoint.

    Attributes:
        address: of the cluster, as `ray.init` takes it; one on this machine alone is started if not given.
        cpus_per_job: that a machine must have free.
        gpus_per_job: likewise; 1 where the cluster has any, if not given.
    """

    address: str | None = None
    cpus_per_job: float = 1
    gpus_per_job: float | None = None

    def run(self, agenda: Agenda) -> None:
        ray = _imported()
        try:
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError) as error:
            raise InputError(
                f"address is {self.address}, where no cluster answers ({first_line(error)}); start one with `ray start --head`"
            ) from error
        try:
            self._run(ray, agenda)
        finally:
            ray.shutdown()

    def _run(self, ray: ModuleType, agenda: Agenda) -> None:
        tasks = _Tasks(ray, self._task(ray), agenda)
        while True:
            turn = agenda.next()
            if turn.cell is not None:
                tasks.start(turn)
            elif tasks.running:
                tasks.settle()
            elif turn.is_over:
                return
            else:
                time.sleep(POLL)

    def _task(self, ray: ModuleType) -> Any:
        gpus = self.gpus_per_job
        if gpus is None:
            gpus = min(ray.cluster_resources().get("GPU", 0), 1)
        program, beat, here = self.program, self.beat, Path.cwd()
        environment = _environment()

        def make(path: Path, cell: Cell, after: int) -> str | None:
            os.chdir(here)  # which is shared as well
            work = Work(StudyFolder(path), threading.Event(), environment, program, beat)
            return work.make(cell, after)

        # Ray's own retries would not know of claims.
        return ray.remote(num_cpus=self.cpus_per_job, num_gpus=gpus, max_retries=0)(make)


class _Tasks:
    """The tasks that are given out."""

    def __init__(self, ray: ModuleType, task: Any, agenda: Agenda) -> None:
        self._ray, self._task, self._agenda = ray, task, agenda
        self._lost: Counter[str] = Counter()
        self.running: dict[Any, Turn] = {}

    def start(self, turn: Turn) -> None:
        """Gives out a cell; the cluster decides where and when."""
        path = self._agenda.folder.path.absolute()
        self.running[self._task.remote(path, turn.cell, turn.after)] = turn

    def settle(self) -> None:
        """Waits a moment for tasks to end."""
        ended, _ = self._ray.wait(list(self.running), timeout=POLL)
        for task in ended:
            turn = self.running.pop(task)
            try:
                report(self._agenda, turn.cell, self._ray.get(task))
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except self._ray.exceptions.RayError as error:
                self._lose(turn.cell, first_line(error))
            finally:
                self._agenda.give_back(turn.cell)

    def _lose(self, cell: Cell, reason: str) -> None:
        self._lost[cell.name] += 1
        logger.info("%s: its task was lost (%s); it goes on from its checkpoint", cell.in_words, reason)
        if self._lost[cell.name] < TRIES:
            return
        claims = self._agenda.folder.claims(cell)
        claim = claims.take(claims.newest().number)
        if claim is not None:
            claim.end(Status.FAILED.value, f"its task was lost {TRIES} times; the last: {reason}")


def _environment() -> dict[str, str]:
    """Returns where caches are and how the Hub is reached, as here; tokens stay here."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("VPNS_", "HF_"))}
    return {name: value for name, value in ours.items() if "TOKEN" not in name}


def _imported() -> ModuleType:
    with of_extra("the engine ray needs Ray", "cluster"):
        import ray
    return ray
