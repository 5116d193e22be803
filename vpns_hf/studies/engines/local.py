"""On this machine: so many jobs at a time, each with a GPU of its own where there are some."""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
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
        stop = threading.Event()
        gpus = visible_gpus()

        def serve(slot: int) -> None:
            environment = {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
            _serve(agenda, Work(agenda.folder, stop, environment, self.program, self.beat))

        slots = min(self.jobs or len(gpus) or 1, max(agenda.left, 1))
        with ThreadPoolExecutor(
            slots
        ) as pool:  # its end waits for the jobs, which write checkpoints when they are to stop
            serving = [pool.submit(serve, slot) for slot in range(slots)]
            try:
                wait(serving, return_when=FIRST_EXCEPTION)
            finally:
                stop.set()
        for each in serving:
            each.result()


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
