"""Being asked to stop: SIGTERM and SIGINT end a job between two steps, in all processes at the same one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from torch import distributed

SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE = 2.0  # seconds; batch systems signal launcher and processes at once, and the launcher passes its signal on


class StopRequest:
    """Notes the signals that come while it is entered, and tells all processes of a job of them at the same step.

    What comes of the same kind within `grace` seconds of the first counts as that one. Later a second signal does what
    it did before, so that a job that hangs can still be ended. Where signals cannot be caught (outside of the main
    thread) none is noted.

    Args:
        accelerator: joins the processes.
        grace: in seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self, accelerator: Accelerator, grace: float = GRACE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._accelerator, self._grace, self._clock = accelerator, grace, clock
        self._received = 0
        self._first: dict[int, float] = {}
        self._handlers: dict[int, Any] = {}
        self._agreement: _Agreement | None = None

    def __enter__(self) -> StopRequest:
        if self._accelerator.num_processes > 1:
            self._agreement = _Agreement()
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def number(self) -> int:
        """Returns the signal that all processes stop for now, 0 if there is none; all of them have to ask."""
        return self._received if self._agreement is None else self._agreement.largest(self._received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = self._clock()
        if now - self._first.setdefault(number, now) <= self._grace:
            self._received = number
        else:
            signal.signal(number, self._handlers.get(number) or signal.SIG_DFL)
            signal.raise_signal(number)


class _Agreement:
    """The largest of a number over all processes, one question late, so that no step waits for an answer.

    A group of its own keeps the numbers in main memory: a device is not waited for either.
    """

    def __init__(self) -> None:
        self._group = distributed.new_group(backend="gloo")
        self._asked: tuple[Any, torch.Tensor] | None = None

    def largest(self, number: int) -> int:
        """Returns the largest number that was given to the previous call; 0 at the first."""
        answer = 0
        if self._asked is not None:
            work, largest = self._asked
            work.wait()
            answer = int(largest)
        largest = torch.tensor(number)
        work = distributed.all_reduce(largest, distributed.ReduceOp.MAX, group=self._group, async_op=True)
        self._asked = work, largest
        return answer
