"""Small data sets made in memory."""

from __future__ import annotations

import datasets
import numpy as np
import pytest
import torch

from vpns_hf.data import Columns, ImageCache

CLASSES = ["cat", "dog", "owl"]


@pytest.fixture
def make_split():
    def build(labels: list, size: tuple[int, int] = (6, 6), seed: int = 0, label_feature=None) -> datasets.Dataset:
        """Random RGB images of `size` (height, width) with the given labels, in the columns image and label."""
        generator = np.random.default_rng(seed)
        images = [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in labels]
        feature = label_feature or datasets.ClassLabel(names=CLASSES)
        features = datasets.Features({"image": datasets.Image(), "label": feature})
        return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)

    return build


@pytest.fixture
def make_cache():
    def build(count: int, size: int = 4) -> ImageCache:
        """A cache in memory whose image k is of the one colour k, with label k."""
        colours = torch.arange(count, dtype=torch.uint8)
        return ImageCache(colours.view(count, 1, 1, 1).repeat(1, 3, size, size), torch.arange(count))

    return build


@pytest.fixture
def columns() -> Columns:
    return Columns("image", "label")
