"""Rows of streams in an order that is known, by reading forward and keeping what is needed soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from .pieces import StreamedRows

NEVER = -1


@dataclass
class _Cursor:
    """A place in a piece that is being read: the number of the next row, that after the last, and the images."""

    row: int
    stop: int
    images: Iterator[list[dict | None]]


class StreamReader:
    """Reads the stored images of batches of rows, one batch after the other.

    A piece is opened at the first of its rows that is needed soon. On the way to a row those that are needed within
    the `horizon` are kept; others are read again when their time comes.

    Args:
        splits: the streams, whose rows are counted through.
        batches: the numbers of the rows, int64 (b,) each.
        horizon: rows, at least that of the largest batch.
    """

    def __init__(self, splits: Sequence[StreamedRows], batches: Sequence[np.ndarray], horizon: int):
        self._splits = splits
        self._batches = batches
        self._horizon = horizon
        self._firsts = np.concatenate([[0], np.cumsum([len(split) for split in splits], dtype=np.int64)])
        starts = [split.starts[:-1] + first for split, first in zip(splits, self._firsts[:-1], strict=True)]
        self._starts = np.concatenate([*starts, self._firsts[-1:]])
        self._due, self._again = _due_times(batches, int(self._firsts[-1]))
        self._now = 0
        self._kept: dict[int, dict | None] = {}
        self._cursors: list[_Cursor] = []

    def __iter__(self) -> Iterator[list[dict | None]]:
        for batch in self._batches:
            yield [self._take(int(row)) for row in batch]

    def _take(self, row: int) -> dict | None:
        if row not in self._kept:
            self._read_up_to(row)
        image = self._kept.pop(row)
        self._now += 1
        later = self._again.get(row)
        self._due[row] = later.pop(0) if later else NEVER
        if later is not None and self._is_soon(row, row + 1)[0]:
            self._kept[row] = image
        return image

    def _read_up_to(self, row: int) -> None:
        before = [cursor for cursor in self._cursors if cursor.row <= row < cursor.stop]
        cursor = max(before, key=lambda cursor: cursor.row) if before else self._open(row)
        while cursor.row <= row:
            self._advance(cursor)

    def _open(self, row: int) -> _Cursor:
        piece = int(np.searchsorted(self._starts, row, "right")) - 1
        start, stop = int(self._starts[piece]), int(self._starts[piece + 1])
        start += int(self._is_soon(start, row + 1).argmax())  # `row` itself is
        split = int(np.searchsorted(self._firsts, row, "right")) - 1
        cursor = _Cursor(start, stop, self._splits[split].open(start - int(self._firsts[split])))
        self._cursors.append(cursor)
        return cursor

    def _advance(self, cursor: _Cursor) -> None:
        images = next(cursor.images, None)
        if images is None:
            raise InputError(f"a piece of the stream holds {cursor.stop - cursor.row} rows less than were counted")
        for index in np.flatnonzero(self._is_soon(cursor.row, cursor.row + len(images))).tolist():
            self._kept[cursor.row + index] = images[index]
        cursor.row += len(images)
        if not self._is_soon(cursor.row, cursor.stop).any():
            self._cursors.remove(cursor)

    def _is_soon(self, start: int, stop: int) -> np.ndarray:
        """Returns whether each of the rows is due from now on within the horizon."""
        due = self._due[start:stop]
        return (due >= self._now) & (due <= self._now + self._horizon)


def _due_times(batches: Sequence[np.ndarray], count: int) -> tuple[np.ndarray, dict[int, list[int]]]:
    """Returns when each row is due first, int64 (count,), `NEVER` for others; and when those that are due again are."""
    rows = np.concatenate([*batches, np.empty(0, dtype=np.int64)])
    due = np.full(count, NEVER, dtype=np.int64)
    due[rows[::-1]] = np.arange(len(rows))[::-1]
    again: dict[int, list[int]] = {}
    for time in np.flatnonzero(due[rows] != np.arange(len(rows))).tolist():
        again.setdefault(int(rows[time]), []).append(time)
    return due, again
