from __future__ import annotations

from collections import Counter

import datasets
import pytest

from tests.training_helpers import coloured_split
from vpns_hf.data import Columns
from vpns_hf.data.splits import choose_calibration_split, choose_evaluation_split

COLUMNS = Columns("image", "label")
SPLITS = datasets.DatasetDict({"train": coloured_split(60), "test": coloured_split(7, seed=3)})


@pytest.mark.parametrize(("count", "by_class"), [(9, [3, 3, 3]), (10, [3, 3, 4]), (256, [20, 20, 20])])
def test_as_many_of_each_class(count, by_class):
    part = choose_calibration_split(SPLITS, COLUMNS, count=count)
    assert sorted(Counter(part.rows["label"]).values()) == by_class
    assert part.class_names == ("cat", "dog", "owl")


def test_they_are_training_rows_and_always_the_same():
    part, again = (choose_calibration_split(SPLITS, COLUMNS, count=9) for _ in range(2))
    assert list(part.origin.rows) == list(again.origin.rows)
    assert list(part.rows["label"]) == [SPLITS["train"]["label"][row] for row in part.origin.rows]
    assert part.origin.describe(0) == f"row {part.origin.rows[0]} of the train split"


def test_none_of_the_rows_that_are_tested_on():
    only = datasets.DatasetDict({"train": SPLITS["train"]})
    tested = choose_evaluation_split(only, COLUMNS, test_fraction=0.5)
    part = choose_calibration_split(only, COLUMNS, test_fraction=0.5)
    assert len(part.rows) == len(tested.rows) == 30
    assert not {*part.origin.rows} & {*tested.origin.rows}
