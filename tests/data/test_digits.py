from __future__ import annotations

import numpy as np
import pytest

from vpns_hf.data import Columns, ImageStore
from vpns_hf.data.digits import build_digits
from vpns_hf.data.store import list_caches


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


def test_the_same_scans_are_decoded_once(digits, tmp_path):
    store = ImageStore(Columns("image", "label"), tmp_path)
    for scans in (digits["test"], build_digits()["test"]):
        store.open(scans, [8])
    assert len(list_caches(tmp_path)) == 1
