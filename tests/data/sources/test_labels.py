from __future__ import annotations

import datasets
import pytest

from vpns_hf.data import Columns, class_names
from vpns_hf.data.sources import encode_labels, is_unlabelled, label_values
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


@pytest.mark.parametrize(
    ("labels", "feature"),
    [
        ([0, 1, -1, 2, -1], None),
        ([0, 1, None, 2, -1], None),
        ([3, 7, None, 3, None], datasets.Value("int64")),
        (["a", "b", "", "a", None], datasets.Value("string")),
    ],
)
def test_missing_labels_are_counted_and_the_first_is_named(columns, labels, feature, make_split):
    split = make_split(labels, label_feature=feature)
    with pytest.raises(InputError, match=r"row 2 of the train split has no label \(.*remove such rows, 2 of 5"):
        encoded(split, columns)


@pytest.mark.parametrize(("feature", "label"), [(None, -1), (None, None), (datasets.Value("int64"), None)])
def test_no_labels_at_all(columns, feature, label, make_split):
    split = make_split([label] * 3, label_feature=feature)
    with pytest.raises(InputError, match="the train split has no labels; give one"):
        encoded(split, columns)


def test_label_unknown_to_training(columns, make_split):
    split = make_split(["a", "z"], label_feature=datasets.Value("string"))
    with pytest.raises(InputError, match=r"row 1 .* 'z'; expected one of 2 classes, such as 'a'"):
        encoded(split, columns, ["a", "b"])


def test_other_classes_than_in_training(columns, make_split):
    split = make_split([0, 1], label_feature=datasets.ClassLabel(names=["dog", "cat"]))
    with pytest.raises(InputError, match=r"\(class 0 is 'dog', not 'cat'\); they must agree"):
        encoded(split, columns, ["cat", "dog"])
    with pytest.raises(InputError, match=r"\(2 classes, not 3\); they must agree"):
        encoded(split, columns, ["dog", "cat", "owl"])


def test_floats_are_no_labels(columns, make_split):
    with pytest.raises(InputError, match="float"):
        class_names(make_split([0.5, 1.5], label_feature=datasets.Value("float32")), columns)


def test_unlabelled(make_split):
    assert is_unlabelled(make_split([-1, -1, None]), "label")
    assert not is_unlabelled(make_split([-1, 0]), "label")


def test_two_signs_are_two_classes(make_split):
    split = make_split([1, -1, -1, 1], label_feature=datasets.Value("int64"))
    values = label_values(split, "label")
    assert values == [-1, 1]
    assert list(encode_labels(split, Columns("image", "label"), values, "train")["label"]) == [1, 0, 0, 1]


def test_beside_other_numbers_minus_one_is_no_label(make_split):
    split = make_split([0, 1, -1], label_feature=datasets.Value("int64"))
    values = label_values(split, "label")
    assert values == [0, 1]
    with pytest.raises(InputError, match=r"row 2 of the train split has no label \(-1, which stands for none\)"):
        encode_labels(split, Columns("image", "label"), values, "train")


def test_a_transform_is_told_of(make_split, caplog):
    split = make_split([0, 1]).with_transform(lambda rows: {"pixels": rows["image"]})
    encoded = encode_labels(split, Columns("image", "label"), ["cat", "dog", "owl"], "train")
    assert encoded[1]["image"].tobytes() == make_split([0, 1])[1]["image"].tobytes()
    assert "the transform of the train split is not applied: images are taken as they are stored" in caplog.text
