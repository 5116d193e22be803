from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from vpns_hf.data import Batch
from vpns_hf.data.batches import on_a_side_stream, one_ahead


class Journal:
    """A lane that notes what happens."""

    def __init__(self):
        self.entries = []

    @contextmanager
    def entered(self):
        self.entries.append("enter")
        try:
            yield
        finally:
            self.entries.append("leave")

    def hand_over(self, batch):
        self.entries.append(f"hand over {batch[0]}")


def batches(journal, numbers, fails=None):
    for number in numbers:
        if number == fails:
            raise OSError(f"no {number}")
        journal.entries.append(f"make {number}")
        yield (number,)


def test_the_next_is_begun_before_one_is_handed_out():
    journal = Journal()
    for (number,) in one_ahead(batches(journal, [1, 2]), journal):
        journal.entries.append(f"train {number}")
    assert journal.entries == [
        *("enter", "make 1", "leave"),
        *("hand over 1", "enter", "make 2", "leave", "train 1"),
        *("hand over 2", "enter", "leave", "train 2"),
    ]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_same_batches_in_order(count):
    assert list(one_ahead(batches(Journal(), range(count)), Journal())) == [(number,) for number in range(count)]


def test_an_error_comes_in_its_turn():
    seen = []
    with pytest.raises(OSError, match="no 3"):
        for batch in one_ahead(batches(Journal(), range(9), fails=3), Journal()):
            seen.append(batch)
    assert seen == [(0,), (1,), (2,)]


def test_the_cpu_prepares_what_is_asked_for():
    made = iter([Batch(torch.zeros(1), torch.zeros(1))])
    assert on_a_side_stream(made, torch.device("cpu")) is made
