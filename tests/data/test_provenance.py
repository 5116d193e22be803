"""Rows of a part are named by their place in the splits it was chosen from."""

from __future__ import annotations

import pytest

from vpns_hf.data.provenance import Origin

JOINED = Origin.whole({"train": 10, "extra": 5})


def test_several_rows_are_named_by_split_and_counted():
    part = JOINED.take([12, 3, 14, 9])
    assert part.describe_all([0, 1, 2, 3], limit=4) == "rows 3, 9 of the train split, rows 2, 4 of the extra split"
    assert (
        part.describe_all([3, 2, 0, 1], limit=3) == "rows 3, 9 of the train split, row 2 of the extra split and 1 more"
    )
    assert part.describe_all([1], limit=3) == "row 3 of the train split"


def test_one_row():
    assert JOINED.describe(10) == "row 0 of the extra split"
    with pytest.raises(IndexError):
        JOINED.take([15]).describe(0)
