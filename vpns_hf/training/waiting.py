"""How long a loop waits for its batches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting:
    """Adds up the time that passes between asking for a batch and getting it.

    On an accelerator this is the time of the host: while it prepares a batch the device may still be computing, so the
    device waits for at most as long.

    Args:
        seconds: to start from.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def over(self, batches: Iterable[T]) -> WaitedFor[T]:
        """Returns the same batches; waiting for them is measured, however often they are gone through."""
        return WaitedFor(self, batches)


class WaitedFor(Generic[T]):
    """Batches that note how long they are waited for."""

    def __init__(self, waiting: Waiting, batches: Iterable[T]) -> None:
        self._waiting = waiting
        self._batches = batches

    def __iter__(self) -> Iterator[T]:
        start = time.perf_counter()
        for batch in self._batches:
            self._waiting.seconds += time.perf_counter() - start
            yield batch
            start = time.perf_counter()
        self._waiting.seconds += time.perf_counter() - start
