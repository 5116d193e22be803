"""On this machine: so many jobs at a time, each with a GPU of its own where there are some."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import torch

from ..agenda import Agenda
from ..work import POLL, Work
from .base import Engine, report


@dataclass(frozen=True)
class LocalEngine(Engine):
    """A process per job.

    Attributes:
        jobs: at a time; as many as there are GPUs, at least one, if not given.
    """

    jobs: int | None = None

    def run(self, agenda: Agenda) -> None:
        stop, faults = threading.Event(), []
        gpus = visible_gpus()

        def serve(slot: int) -> None:
            environment = {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
            try:
                _serve(agenda, Work(agenda.folder, stop, environment, self.program, self.beat))
            except Exception as fault:
                faults.append(fault)
                stop.set()

        slots = range(min(self.jobs or len(gpus) or 1, max(agenda.left, 1)))
        threads = [threading.Thread(target=serve, args=[slot]) for slot in slots]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):  # in steps, so that a signal is heard
                threads[0].join(POLL) if threads[0].is_alive() else stop.wait(POLL)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if faults:
            raise faults[0]


def _serve(agenda: Agenda, work: Work) -> None:
    """Makes cells until there is none, or the jobs are to stop."""
    while not work.stop.is_set():
        turn = agenda.next()
        if turn.is_over:
            return
        if turn.cell is None:
            work.stop.wait(POLL)
            continue
        try:
            how = work.make(turn.cell, turn.after)
        finally:
            agenda.give_back(turn.cell)
        report(agenda, turn.cell, how)
        if how is None:
            work.stop.wait(POLL)


def visible_gpus() -> list[str]:
    """Returns the GPUs that jobs may be given, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
