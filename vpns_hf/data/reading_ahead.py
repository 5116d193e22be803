"""Work on the next items while the last one is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")

DEPTH = 2
_END = object()


def read_ahead(items: Iterable[T], depth: int = DEPTH) -> Iterator[T]:
    """The same items in the same order, made by a thread that is at most `depth` items ahead.

    What goes wrong is raised after the items before it. The thread ends with the iterator.
    """
    queue: Queue = Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(iter(items), queue, stopped), daemon=True)
    thread.start()
    try:
        while (found := queue.get()) is not _END:
            if isinstance(found, _Failure):
                raise found.error
            yield found
    finally:
        stopped.set()
        thread.join()


class _Failure:
    def __init__(self, error: BaseException):
        self.error = error


def _fill(items: Iterator, queue: Queue, stopped: threading.Event) -> None:
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
