from __future__ import annotations

import re

import datasets
import pytest

from tests.helpers import refusal
from vpns_hf.data import Columns, DatasetSpec, find_columns

IMAGE, CLASS = datasets.Image(), datasets.ClassLabel(names=["a", "b"])
INTEGER, STRING = datasets.Value("int64"), datasets.Value("string")


def empty(**features) -> datasets.Dataset:
    return datasets.Dataset.from_dict({name: [] for name in features}, features=datasets.Features(features))


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"img": IMAGE, "label": CLASS}, ("img", "label")),
        ({"photo": IMAGE, "breed": CLASS}, ("photo", "breed")),
        ({"image": IMAGE, "mask": IMAGE, "label": CLASS}, ("image", "label")),
        ({"img": IMAGE, "fine_label": CLASS, "coarse_label": CLASS}, ("img", "fine_label")),
        ({"image": IMAGE, "label": INTEGER, "id": INTEGER}, ("image", "label")),
        ({"image": IMAGE, "labels": STRING}, ("image", "labels")),
    ],
)
def test_found_by_type_and_name(features, expected):
    assert find_columns(datasets.DatasetDict({"train": empty(**features)})) == Columns(*expected)


def test_named_columns_win():
    dataset = empty(image=IMAGE, mask=IMAGE, label=CLASS, other=STRING)
    assert find_columns(dataset, "mask", "other") == Columns("mask", "other")


def test_known_data_set_says_its_columns_unless_named():
    dataset = empty(photo=IMAGE, mask=IMAGE, breed=CLASS, colour=CLASS)
    spec = DatasetSpec("x", "photo", "breed")
    assert find_columns(dataset, spec=spec) == Columns("photo", "breed")
    assert find_columns(dataset, "mask", spec=spec) == Columns("mask", "breed")


@pytest.mark.parametrize(
    ("features", "named", "message"),
    [
        ({"left": IMAGE, "right": IMAGE, "label": CLASS}, {}, "--image_column_name"),
        ({"image": IMAGE, "one": CLASS, "two": CLASS}, {}, "--label_column_name"),
        ({"image": IMAGE, "breed": STRING}, {}, "breed"),
        ({"text": STRING, "label": CLASS}, {}, "no image column .*none holds images: give files .*metadata.csv"),
        ({"path": STRING, "label": CLASS}, {"image_column": "path"}, "'path' holds string.*none holds images: give"),
        ({"image": IMAGE, "label": CLASS}, {"image_column": "pic"}, "pic"),
        (
            {"image": IMAGE, "label": CLASS},
            {"image_column": "label"},
            r"'label' holds ClassLabel.*--image_column_name",
        ),
        ({"image": IMAGE, "label": INTEGER}, {"label_column": "image"}, r"'image' holds Image.*--label_column_name"),
        ({"image": IMAGE, "label": INTEGER}, {"image_column": "label"}, r"image \(Image\), label \(int64\)"),
    ],
)
def test_doubt_is_an_error_of_one_line_with_the_columns(features, named, message):
    said = refusal(find_columns, empty(**features), **named)
    assert re.search(message, said)
    assert all(name in said for name in features)
