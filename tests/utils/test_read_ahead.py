from __future__ import annotations

import threading
from itertools import count, islice

import pytest

from vpns_hf.utils.read_ahead import ReadAhead


def threads() -> int:
    return threading.active_count()


@pytest.mark.parametrize("depth", [1, 3])
def test_the_same_items_in_order(depth):
    assert list(ReadAhead(range(50), depth)) == list(range(50))
    assert list(ReadAhead([], depth)) == []


def test_another_thread_makes_them():
    makers = set(ReadAhead(threading.get_ident() for _ in range(3)))
    assert threading.get_ident() not in makers


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield from "ab"
        raise OSError("gone")

    seen = []
    with pytest.raises(OSError, match="gone"):
        for item in ReadAhead(items()):
            seen.append(item)
    assert seen == ["a", "b"]


def test_it_is_only_so_far_ahead_and_ends_with_its_reader():
    before, made = threads(), []
    items = ReadAhead((made.append(number) or number for number in count()), depth=2)
    assert list(islice(items, 3)) == [0, 1, 2]
    items.close()
    assert threads() == before
    assert len(made) <= 3 + 2 + 1
