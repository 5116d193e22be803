from __future__ import annotations

import re

import datasets
import numpy as np
import pytest

from tests.helpers import refusal
from vpns_hf.data import Columns, DatasetSpec, prepare_splits
from vpns_hf.data.splits import named_splits
from vpns_hf.errors import InputError


@pytest.fixture
def make_dataset(make_split):
    def build(**counts: int) -> datasets.DatasetDict:
        """Splits of so many images each, the three classes in turn."""
        parts = enumerate(counts.items())
        return datasets.DatasetDict({name: make_split([k % 3 for k in range(n)], seed=i) for i, (name, n) in parts})

    return build


def pixels(split: datasets.Dataset) -> list[bytes]:
    return [image.tobytes() for image in split["image"]]


def test_validation_is_cut_from_train(columns, make_dataset):
    dataset = make_dataset(train=60, test=9)
    splits = prepare_splits(dataset, columns, seed=7, validation_fraction=0.2)
    assert np.bincount(splits.validation["label"]).tolist() == [4, 4, 4]
    assert sorted(pixels(splits.train) + pixels(splits.validation)) == sorted(pixels(dataset["train"]))
    assert pixels(splits.test) == pixels(dataset["test"])
    assert splits.class_names == ("cat", "dog", "owl")


def test_seed_decides_the_cut(columns, make_dataset):
    dataset = make_dataset(train=60, test=3)
    first, again, other = (pixels(prepare_splits(dataset, columns, seed=s).validation) for s in (7, 7, 9))
    assert first == again
    assert first != other


def test_both_splits_given(columns, make_dataset):
    dataset = make_dataset(train=12, validation=6, test=9)
    splits = prepare_splits(dataset, columns, seed=0)
    assert [len(splits.train), pixels(splits.validation), pixels(splits.test)] == [
        12,
        pixels(dataset["validation"]),
        pixels(dataset["test"]),
    ]


def test_validation_alone_is_tested_on(columns, make_dataset):
    dataset = make_dataset(train=30, valid=6)
    splits = prepare_splits(dataset, columns, seed=0)
    assert pixels(splits.test) == pixels(dataset["valid"])
    assert [len(splits.train), len(splits.validation)] == [27, 3]


def test_test_split_without_labels_is_passed_over(columns, make_split, make_dataset):
    dataset = make_dataset(train=30, validation=6)
    dataset["test"] = make_split([-1, -1])
    splits = prepare_splits(dataset, columns, seed=0)
    assert pixels(splits.test) == pixels(dataset["validation"])
    assert [len(splits.train), len(splits.validation)] == [27, 3]


def test_named_splits_are_joined(columns, make_dataset):
    dataset = make_dataset(train=6, validation=9, test=3)
    spec = DatasetSpec("x", "image", "label", train_splits=("train", "validation"))
    splits = prepare_splits(dataset, columns, seed=0, spec=spec, use_all_of_train=True)
    assert pixels(splits.train) == pixels(dataset["train"]) + pixels(dataset["validation"])
    assert splits.validation is None


def test_parts_by_the_argument_that_takes_them(columns, make_dataset):
    dataset = make_dataset(train=6, valid=3)
    parts = named_splits(dataset, columns)
    assert parts["eval_dataset"] is None
    assert pixels(parts["train_dataset"]) == pixels(dataset["train"])
    assert pixels(parts["test_dataset"]) == pixels(dataset["valid"])
    assert parts["test_split"] == "valid"
    assert named_splits(make_dataset(train=6, valid=3, test=3), columns)["test_split"] == "test"


def test_limits_take_first_rows(columns, make_dataset):
    dataset = make_dataset(train=60, test=9)
    limits = {"max_train_samples": 30, "max_eval_samples": 2, "max_test_samples": 4}
    splits = prepare_splits(dataset, columns, seed=0, **limits)
    assert set(pixels(splits.train) + pixels(splits.validation)) <= set(pixels(dataset["train"])[:30])
    assert [len(splits.train), len(splits.validation)] == [27, 2]
    assert pixels(splits.test) == pixels(dataset["test"])[:4]


def test_class_with_one_image_stays_in_train(columns, make_split, make_dataset):
    dataset = make_dataset(test=3)
    dataset["train"] = make_split([0] * 10 + [1] * 10 + [2])
    for seed in range(5):
        assert 2 in prepare_splits(dataset, columns, seed=seed, validation_fraction=0.4).train["label"]


def test_test_rows_may_be_cut_from_train(columns, make_dataset):
    dataset = make_dataset(train=60)
    cuts = [prepare_splits(dataset, columns, seed=seed, test_fraction=0.2, max_train_samples=30) for seed in (1, 2)]
    for splits in cuts:
        assert np.bincount(splits.test["label"]).tolist() == [4, 4, 4]
        assert splits.origins["test"].rows == cuts[0].origins["test"].rows
        rows = [row for part in ("train", "validation", "test") for row in splits.origins[part].rows]
        assert len(rows) == len(set(rows)) == 42
    assert cuts[0].origins["validation"].rows != cuts[1].origins["validation"].rows


def test_a_validation_split_then_selects(columns, make_dataset):
    dataset = make_dataset(train=30, valid=6)
    splits = prepare_splits(dataset, columns, seed=0, test_fraction=0.2)
    assert pixels(splits.validation) == pixels(dataset["valid"])
    assert sorted(pixels(splits.train) + pixels(splits.test)) == sorted(pixels(dataset["train"]))
    parts = named_splits(dataset, columns, test_fraction=0.2)
    assert (parts["test_dataset"], parts["test_split"]) == (None, "test")


def test_a_test_split_without_labels_is_not_in_the_way(columns, make_split, make_dataset):
    dataset = make_dataset(train=30)
    dataset["test"] = make_split([-1, -1])
    assert len(prepare_splits(dataset, columns, seed=0, test_fraction=0.2).test) == 6


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ({"test": 3}, {}, "no train split"),
        ({"train": 3}, {}, "no test split; .* put a `test` or `validation` folder.* with --test_fraction 0.2;"),
        ({"train": 30, "test": 3}, {"test_fraction": 0.2}, "but there is a test split; leave it out"),
        ({"train": 30}, {"test_fraction": 1.0}, "test_fraction is 1.0; give a number between 0 and 1"),
        (
            {"train": 4},
            {"test_fraction": 0.1},
            "0.1 of 4 training rows leaves no test image; .* a larger test_fraction",
        ),
        ({"train": 3}, {"test_fraction": 0.5}, "has one training image, so none is left to test on"),
        ({"train": 3, "test": 0}, {}, "test split is empty"),
        ({"train": 30, "test": 3}, {"validation_fraction": 1.0}, "between 0 and 1"),
        ({"train": 4, "test": 3}, {}, "0.1 of 4 training rows leaves no validation image; .* a larger"),
        ({"train": 3, "test": 3}, {}, "class 'cat', as each of the 3, has one training image.* at least two, add"),
        ({"train": 30, "test": 3}, {"max_test_samples": 0}, "max_test_samples is 0"),
    ],
)
def test_what_cannot_be_split(columns, counts, options, message, make_dataset):
    assert re.search(message, refusal(prepare_splits, make_dataset(**counts), columns, seed=0, **options))


def test_one_class_is_no_choice(columns, make_split):
    split = make_split(["cat"] * 20, label_feature=datasets.Value("string"))
    with pytest.raises(InputError, match="'label' holds the one class 'cat'; give at least two"):
        prepare_splits(datasets.DatasetDict(train=split, test=split), columns, seed=0)


@pytest.mark.parametrize("labels", [[-1, -1], [-1, 0]])
def test_test_split_that_lacks_labels_and_nothing_in_its_place(columns, labels, make_split, make_dataset):
    dataset = make_dataset(train=30)
    dataset["test"] = make_split(labels)
    with pytest.raises(InputError, match=r"(the|row 0 of the) test split has no label"):
        prepare_splits(dataset, columns, seed=0)


@pytest.mark.parametrize("others", [{}, {"validation": 3}])
@pytest.mark.parametrize("column", ["image", "label"])
def test_split_without_a_column(columns, column, others, make_dataset):
    dataset = make_dataset(train=30, test=3, **others)
    dataset["test"] = dataset["test"].remove_columns(column)
    for choose in (named_splits, lambda *given: prepare_splits(*given, seed=0)):
        assert f"no {column} column '{column}' in the test split" in refusal(choose, dataset, columns)


def test_exchanged_columns(make_dataset):
    with pytest.raises(InputError, match="'label' in the train split holds ClassLabel, no images"):
        prepare_splits(make_dataset(train=30, test=3), Columns("label", "image"), seed=0)


def test_limit_that_leaves_out_classes_is_warned_of(columns, make_split, make_dataset, caplog):
    dataset = make_dataset(test=2)
    dataset["train"] = make_split([0] * 10 + [1] * 10)  # no owl in the data set itself
    prepare_splits(dataset, columns, seed=0)
    prepare_splits(dataset, columns, seed=0, max_train_samples=15)
    assert not caplog.records
    prepare_splits(dataset, columns, seed=0, max_train_samples=10)
    assert [record.message for record in caplog.records] == [
        "the first 10 training rows show 1 of 2 classes: raise max_train_samples, or shuffle the rows first"
    ]


def test_limits_that_leave_one_class_to_measure_on_are_warned_of(columns, make_split, make_dataset, caplog):
    dataset = make_dataset(test=2)
    for name in ("train", "validation", "test"):
        dataset[name] = make_split([0] * 10 + [1] * 10)
    prepare_splits(dataset, columns, seed=0, max_test_samples=4, max_eval_samples=5)
    assert [message for message in caplog.messages if "rows show" in message] == [
        "the first 4 test rows show 1 of 2 classes: raise max_test_samples, or shuffle the rows first",
        "the first 5 validation rows show 1 of 2 classes: raise max_eval_samples, or shuffle the rows first",
    ]


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ([0, 1] * 10, [0, 1, 2, 2], ["no training image shows the class 'owl' of the test split"]),
        ([0, 1, 2] * 10, [0, 0], ["the test split has no image of 2 classes (such as 'dog'),"]),
        ([0, 1] * 10, [0, 2], ["shows the class 'owl' of", "has no image of the class 'dog',"]),
        ([0, 1] * 10, [1, 0], []),
    ],
)
def test_classes_of_one_part_only_are_warned_of(columns, make_split, caplog, train, test, words):
    dataset = datasets.DatasetDict(train=make_split(train), test=make_split(test))
    prepare_splits(dataset, columns, seed=0, max_test_samples=1)
    told = [message for message in caplog.messages if "test rows show" not in message]  # as the limit leaves one
    assert len(told) == len(words)
    for message, expected in zip(told, words, strict=True):
        assert expected in message
        assert "\n" not in message


def test_origins_are_the_rows_of_the_data_set(columns, make_dataset):
    dataset = make_dataset(train=30, valid=6)
    dataset["train"] = dataset["train"].select(range(29, -1, -1))
    splits = prepare_splits(dataset, columns, seed=0, max_train_samples=20)
    for part in ("train", "validation"):
        origin = splits.origins[part]
        assert origin.name == "train"
        assert pixels(getattr(splits, part)) == [pixels(dataset["train"])[row] for row in origin.rows]
    assert splits.origins["test"].describe(5) == "row 5 of the valid split"
