from __future__ import annotations

import datasets
import pytest

from vpns_hf.data import class_names
from vpns_hf.data.labels import encode_labels, is_unlabelled, label_values
from vpns_hf.errors import InputError


def encoded(split, columns, values=None):
    return encode_labels(split, columns, values or label_values(split, columns.label), "train")


def test_names_of_a_class_label(columns, make_split):
    assert class_names(make_split([2, 0]), columns) == ["cat", "dog", "owl"]


@pytest.mark.parametrize(
    ("labels", "kind", "names"), [([7, 3, 7, 11], "int64", ["3", "7", "11"]), (["b", "a", "b"], "string", ["a", "b"])]
)
def test_plain_values_become_sorted_classes(columns, labels, kind, names, make_split):
    split = make_split(labels, label_feature=datasets.Value(kind))
    assert class_names(split, columns) == names
    result = encoded(split, columns)
    assert result.features["label"].names == names
    assert [names[index] for index in result["label"]] == [str(label) for label in labels]


def test_images_stay_with_their_labels(columns, make_split):
    split = make_split([2, 0, 1])
    result = encoded(split.select([2, 0]), columns)
    assert result["label"] == [1, 2]
    assert result[0]["image"].tobytes() == split[2]["image"].tobytes()


@pytest.mark.parametrize("label", [-1, None])
def test_missing_label_names_the_row(columns, label, make_split):
    split = make_split([0, 1, label, 2])
    with pytest.raises(InputError, match="row 2 of the train split has no label"):
        encoded(split, columns)


def test_label_unknown_to_training(columns, make_split):
    split = make_split(["a", "z"], label_feature=datasets.Value("string"))
    with pytest.raises(InputError, match=r"row 1 .* 'z'"):
        encoded(split, columns, ["a", "b"])


def test_other_classes_than_in_training(columns, make_split):
    split = make_split([0, 1], label_feature=datasets.ClassLabel(names=["dog", "cat"]))
    with pytest.raises(InputError, match="must agree"):
        encoded(split, columns, ["cat", "dog"])


def test_floats_are_no_labels(columns, make_split):
    with pytest.raises(InputError, match="float"):
        class_names(make_split([0.5, 1.5], label_feature=datasets.Value("float32")), columns)


def test_unlabelled(columns, make_split):
    assert is_unlabelled(make_split([-1, -1, None]), "label")
    assert not is_unlabelled(make_split([-1, 0]), "label")
