from __future__ import annotations

import datasets
import pytest

from tests.training_helpers import coloured_split
from vpns_hf import InputError
from vpns_hf.data import Columns, DatasetSpec
from vpns_hf.data.splits import choose_evaluation_split, prepare_splits

COLUMNS = Columns("image", "label")
SPLITS = datasets.DatasetDict(
    {"train": coloured_split(12), "validation": coloured_split(5), "test": coloured_split(7, seed=3)}
)


@pytest.mark.parametrize(
    ("split", "spec", "name", "count"),
    [
        (None, None, "test", 7),
        ("validation", None, "validation", 5),
        ("train", None, "train", 12),
        (None, DatasetSpec("x", "image", "label", test_split="validation"), "validation", 5),
    ],
)
def test_which_rows_are_measured(split, spec, name, count):
    part = choose_evaluation_split(SPLITS, COLUMNS, spec, split)
    assert (part.name, len(part.rows), part.class_names) == (name, count, ("cat", "dog", "owl"))
    assert list(part.rows["label"]) == list(SPLITS[name]["label"])
    assert part.origin.describe(4) == f"row 4 of the {name} split"


def test_the_first_rows_only():
    part = choose_evaluation_split(SPLITS, COLUMNS, max_samples=2)
    assert list(part.rows["label"]) == [0, 1]
    assert part.origin.describe(1) == "row 1 of the test split"


def test_a_data_set_of_one_split_has_its_own_classes():
    part = choose_evaluation_split(datasets.DatasetDict({"new": coloured_split(6)}), COLUMNS)
    assert (part.name, len(part.rows), part.class_names) == ("new", 6, ("cat", "dog", "owl"))


def test_a_split_that_is_not_there():
    with pytest.raises(
        InputError, match=r"no val split; the data set has \['train', 'validation', 'test'\]: give one"
    ):
        choose_evaluation_split(SPLITS, COLUMNS, split="val")


def test_the_rows_that_a_job_cuts_off():
    alone = datasets.DatasetDict({"train": SPLITS["train"]})
    part = choose_evaluation_split(alone, COLUMNS, test_fraction=0.25)
    job = prepare_splits(alone, COLUMNS, seed=7, test_fraction=0.25)
    assert (part.name, part.origin.rows) == ("test", job.origins["test"].rows)
    with pytest.raises(InputError, match=r"no test split; .* --test_fraction 0.2"):
        choose_evaluation_split(alone, COLUMNS)
    with pytest.raises(InputError, match=r"split is train and test_fraction 0\.25, which cuts its own"):
        choose_evaluation_split(alone, COLUMNS, split="train", test_fraction=0.25)
