from __future__ import annotations

import numpy as np
import pytest

from vpns_hf import InputError
from vpns_hf.data.class_weights import balanced_weights


def test_by_hand():
    """Of 6 images 3, 2 and 1: 6 / 9, 6 / 6 and 6 / 3; each class counts 2 in all, and an image 1 on average."""
    labels = [0, 0, 0, 1, 1, 2]
    weights = balanced_weights(labels, ("cat", "dog", "emu"))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [2 / 3, 1, 2])
    assert weights[labels].mean() == pytest.approx(1)


def test_a_class_without_an_image():
    with pytest.raises(
        InputError, match=r"^class_weights is auto, but no training image shows the class 'dog'; [^\n]*$"
    ):
        balanced_weights([0, 2], ("cat", "dog", "emu"))
    with pytest.raises(InputError, match=r"the class 'cat' and 1 more; "):
        balanced_weights([2], ("cat", "dog", "emu"))
