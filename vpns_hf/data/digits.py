"""The handwritten digits that come with scikit-learn: a real data set that needs no network."""

from __future__ import annotations

import datasets
import numpy as np

from ..utils.extras import of_extra
from .stratify import stratified_cut

SPLIT_SEED = 0
TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1
# The scans count dark pixels in 4x4 blocks: 0 to 16.
LARGEST_VALUE = 16


def build_digits() -> datasets.DatasetDict:
    """Returns the 1,797 scans of 8x8 pixels as greyscale images with their classes "0" to "9".

    The splits train, validation and test are stratified and always the same.
    """
    with of_extra("digits come with scikit-learn", "digits"):
        from sklearn.datasets import load_digits
    digits = load_digits()
    images = np.round(digits.images * (255 / LARGEST_VALUE)).astype(np.uint8)
    rest, test = stratified_cut(digits.target, TEST_FRACTION, SPLIT_SEED)
    train, validation = stratified_cut(digits.target[rest], VALIDATION_FRACTION, SPLIT_SEED)
    rows = {"train": rest[train], "validation": rest[validation], "test": test}
    return datasets.DatasetDict({split: _to_dataset(images[r], digits.target[r]) for split, r in rows.items()})


def _to_dataset(images: np.ndarray, labels: np.ndarray) -> datasets.Dataset:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=[str(digit) for digit in range(10)])}
    )
    return datasets.Dataset.from_dict({"image": list(images), "label": labels.tolist()}, features=features)
