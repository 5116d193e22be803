from __future__ import annotations

from weakref import WeakSet

import numpy as np
import pytest

from vpns_hf.data.streaming import StreamReader
from vpns_hf.errors import InputError

IN_MEMORY: WeakSet[Picture] = WeakSet()


class Picture:
    """Stands in for a stored image."""

    def __init__(self, row: int):
        self.row = row
        IN_MEMORY.add(self)


class Split:
    """Stands in for a StreamedSplit: row k holds the image k; notes where it was opened and how much was read."""

    def __init__(self, first: int, lengths: list[int], chunk: int = 4):
        self.first, self.chunk = first, chunk
        self.open_now = 0
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.opened: list[int] = []
        self.read = 0

    def __len__(self) -> int:
        return int(self.starts[-1])

    def open(self, row):
        self.opened.append(row)
        self.open_now += 1
        stop = int(self.starts[np.searchsorted(self.starts, row, "right")])
        try:
            for start in range(row, stop, self.chunk):
                self.read += min(self.chunk, stop - start)
                yield [Picture(self.first + index) for index in range(start, min(start + self.chunk, stop))]
        finally:
            self.open_now -= 1


@pytest.fixture
def splits():
    return [Split(0, [20, 1, 30]), Split(51, [9, 40])]


def read(splits, order, horizon=20, batch=5) -> list[int]:
    reader = StreamReader(splits, np.split(np.array(order), range(batch, len(order), batch)), horizon)
    rows = [image.row for images in reader for image in images]
    assert not IN_MEMORY
    assert not any(split.open_now for split in splits)
    return rows


@pytest.mark.parametrize("horizon", [5, 12, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_any_order_can_be_read(splits, horizon, seed):
    order = np.random.default_rng(seed).permutation(100)
    assert read(splits, order, horizon) == order.tolist()


def test_rows_that_come_again(splits):
    order = [3, 4, 3, 99, 3, 50, *range(60, 90), 4, 99]
    assert read(splits, order) == order


def test_in_order_every_piece_is_opened_once(splits):
    assert read(splits, list(range(100))) == list(range(100))
    assert [split.opened for split in splits] == [[0, 20, 21], [0, 9]]
    assert [split.read for split in splits] == [51, 49]


def test_within_the_horizon_every_piece_is_opened_once(splits):
    order = np.argsort(np.arange(100) + np.random.default_rng(0).uniform(0, 10, 100))
    assert read(splits, order, horizon=24) == order.tolist()
    assert [split.opened for split in splits] == [[0, 20, 21], [0, 9]]


def test_reading_starts_where_it_is_needed_and_ends_there(splits):
    assert read(splits, [30, 28, 29, 33]) == [30, 28, 29, 33]
    assert splits[0].opened == [28]
    assert splits[0].read == 8  # two chunks of four
    assert splits[1].opened == []


def test_what_is_needed_much_later_is_not_kept(splits):
    order = [*range(31, 51), *range(21, 31)]  # two stretches of one piece, the second first
    kept = []
    for images in StreamReader(splits, np.split(np.array(order), 30), horizon=6):
        kept.append(len(IN_MEMORY) - len(images))
    assert max(kept) <= 7
    assert splits[0].opened == [31, 21]


def test_a_stream_that_became_shorter(splits):
    splits[1].open = lambda row: iter([[Picture(60)]])
    with pytest.raises(InputError, match="holds 39 rows less than were counted"):
        read(splits, [60, 61])
