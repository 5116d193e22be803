"""Work on the next items while the last one is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")

DEPTH = 2
_END = object()


class ReadAhead(Iterator[T]):
    """The same items in the same order, made by a thread that is at most `depth` items ahead.

    It begins at once. What goes wrong is raised after the items before it. The thread ends with this iterator.

    Args:
        items: to make.
        depth: how many may wait; one more is in the making.
    """

    def __init__(self, items: Iterable[T], depth: int = DEPTH):
        self._queue: Queue = Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=_fill, args=(items, self._queue, self._stopped), daemon=True)
        self._thread.start()

    def __next__(self) -> T:
        found = _END if self._stopped.is_set() else self._queue.get()
        if found is _END:
            self.close()
            raise StopIteration
        if isinstance(found, _Failure):
            self.close()
            raise found.error
        return found

    def close(self) -> None:
        """Ends the thread; there are no further items."""
        self._stopped.set()
        self._thread.join()

    def __del__(self) -> None:
        self.close()


class _Failure:
    def __init__(self, error: BaseException):
        self.error = error


def _fill(items: Iterable, queue: Queue, stopped: threading.Event) -> None:
    try:
        for item in items:
            _put(queue, item, stopped)
            if stopped.is_set():
                return
    except BaseException as error:  # the reader raises it
        _put(queue, _Failure(error), stopped)
    _put(queue, _END, stopped)


def _put(queue: Queue, item: object, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            return queue.put(item, timeout=0.1)
        except Full:
            continue
