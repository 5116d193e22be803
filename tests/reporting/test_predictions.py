from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpns_hf.reporting import ClassRecord, Predictions, ViewAccuracy, save_predictions

RIGHT = Predictions({"plain": np.array([True, False, True, True, False]), "prompted": np.ones(5, dtype=bool)})
LABELS = [0, 0, 2, 0, 2]


def test_the_accuracy_of_each_class_and_none_of_one_without_images():
    assert RIGHT.by_class(LABELS, ["cat", "dog", "owl"]) == [
        ClassRecord("cat", 3, ViewAccuracy(prompted=1.0, plain=2 / 3)),
        ClassRecord("dog", 0, ViewAccuracy()),
        ClassRecord("owl", 2, ViewAccuracy(prompted=1.0, plain=0.5)),
    ]


@given(bits=st.lists(st.booleans(), max_size=40))
def test_text_and_back(bits):
    found = Predictions.from_dict(Predictions({"plain": np.array(bits, dtype=bool)}).to_dict(), len(bits))
    assert found.correct["plain"].tolist() == bits


def test_the_text_takes_one_bit_for_each_image():
    [text] = Predictions({"plain": np.ones(6000, dtype=bool)}).to_dict().values()
    assert len(text) == 6000 / 8 * 4 / 3


def test_a_file_of_numpy_holds_the_labels_and_every_view(tmp_path):
    save_predictions(tmp_path / "predictions.npz", LABELS, {"sparsity-70": RIGHT})
    with np.load(tmp_path / "predictions.npz") as file:
        assert sorted(file) == ["labels", "sparsity-70/plain", "sparsity-70/prompted"]
        assert file["labels"].tolist() == LABELS
        assert file["sparsity-70/plain"].tolist() == [True, False, True, True, False]


def test_nothing_was_predicted():
    assert Predictions().by_class(LABELS, ["cat", "dog", "owl"]) == [
        ClassRecord("cat", 3, ViewAccuracy()),
        ClassRecord("dog", 0, ViewAccuracy()),
        ClassRecord("owl", 2, ViewAccuracy()),
    ]


def test_a_class_that_has_no_name():
    with pytest.raises(ValueError, match="zip"):
        RIGHT.by_class(LABELS, ["cat", "dog"])
