"""Rows that are in two splits, or twice in one."""

from __future__ import annotations

import re

import datasets
import pytest

from tests.helpers import refusal
from vpns_hf.data import Columns
from vpns_hf.data.splits import check_apart, choose_evaluation_split
from vpns_hf.errors import InputError


@pytest.fixture
def files(tmp_path, make_split):
    """Makes rows of files: one of each name, which are made where they are not there."""

    def build(*names: str) -> datasets.Dataset:
        for name in names:
            if not (tmp_path / name).exists():
                make_split([0])[0]["image"].save(tmp_path / name)
        rows = {"image": [str(tmp_path / name) for name in names], "label": [k % 3 for k in range(len(names))]}
        return datasets.Dataset.from_dict(rows, features=make_split([0]).features)

    return build


def check(train: datasets.Dataset, test: datasets.Dataset, **more: datasets.Dataset) -> None:
    check_apart({"train": train, **more, "test": test}, "image")


TRAIN = ("1.png", "2.png", "3.png", "4.png", "5.png", "6.png")


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (TRAIN, ("7.png", "3.png"), r"3\.png is read in the train split and in the test split"),
        ((*TRAIN, "2.png"), ("7.png",), r"2\.png is read twice in the train split"),
        (TRAIN, ("7.png", "7.png"), r"7\.png is read twice in the test split"),
        (TRAIN, ("6.png", "5.png"), r", and 1 more are read twice: leave one row of each file"),
    ],
)
def test_no_file_is_read_twice(files, train, test, words):
    assert re.search(words, refusal(check, files(*train), files(*test)))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_to_a_file_is_that_file(files, tmp_path, kind):
    train = files(*TRAIN)
    (tmp_path / "same").symlink_to("." if kind == "folder" else "4.png", target_is_directory=kind == "folder")
    test = files("7.png", "same/4.png" if kind == "folder" else "same")
    with pytest.raises(InputError, match=r"4\.png is read in the train split and, as \S+same\S*, in the test split"):
        check(train, test)


def test_files_of_one_name_in_several_folders_are_several(files, tmp_path):
    (tmp_path / "other").mkdir()
    check(files(*TRAIN), files("other/1.png", "other/2.png"))


@pytest.mark.parametrize(
    "take",
    [
        lambda rows: (rows, rows.select([3, 4])),
        lambda rows: (rows.shuffle(seed=0), rows.sort("label").select([0, 1])),
        lambda rows: (rows.select(range(9)), rows.select([8, 10])),
        lambda rows: (
            rows,
            rows.rename_column("image", "x").rename_column("x", "image").filter(lambda row: row["label"] == 1),
        ),
    ],
)
def test_rows_of_one_table_are_not_trained_on_and_tested_on(make_split, take):
    train, test = take(make_split([k % 3 for k in range(12)]))
    with pytest.raises(InputError, match=r"^\d+ of the \d+ rows to test on are rows of the train split too;"):
        check(train, test)


def test_halves_of_one_table_are_apart(make_split):
    rows = make_split([k % 3 for k in range(24)])
    halves = rows.train_test_split(0.5, seed=0)
    check(halves["train"], halves["test"])
    check(rows.select(range(12)), rows.select(range(12, 24)))


def test_rows_that_train_and_select_are_warned_of(make_split, caplog):
    rows = make_split([k % 3 for k in range(12)])
    check(rows, make_split([0, 1], seed=5), validation=rows.select([1, 2, 3]))
    assert "3 rows of the validation split are trained on too, so that it selects badly" in caplog.text


def test_nor_is_a_file_measured_twice(files):
    dataset = datasets.DatasetDict(train=files(*TRAIN), test=files("7.png", "8.png", "7.png"))
    with pytest.raises(InputError, match=r"7\.png is read twice in the test split"):
        choose_evaluation_split(dataset, Columns("image", "label"))
