from __future__ import annotations

import numpy as np
import pytest

from vpns_hf.data.digits import build_digits


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return build_digits()


def test_every_scan_is_in_one_split(digits):
    assert {name: len(split) for name, split in digits.items()} == {"train": 1294, "validation": 144, "test": 359}


def test_classes_are_balanced_in_every_split(digits):
    for split in digits.values():
        counts = np.bincount(split["label"], minlength=10)
        assert counts.min() >= 0.85 * len(split) / 10


def test_pixels_span_black_to_white(digits):
    images = np.stack([np.asarray(image) for image in digits["train"]["image"]])
    assert images.shape == (1294, 8, 8)
    assert images.dtype == np.uint8
    assert sorted(set(images.flatten())) == [round(value * 255 / 16) for value in range(17)]
    assert digits["train"].features["label"].names == [str(digit) for digit in range(10)]


def test_same_data_has_the_same_fingerprint(digits):
    again = build_digits()
    assert digits["train"]._fingerprint == again["train"]._fingerprint
