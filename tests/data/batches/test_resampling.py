from __future__ import annotations

import pytest
import torch

from vpns_hf.data import Crops
from vpns_hf.data.batches import SquareResize, interpolation_matrix


def test_doubling_by_hand():
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    assert torch.allclose(interpolation_matrix(2, 4), torch.tensor(expected))


def test_halving_widens_the_filter_by_hand():
    # Triangle of width 2 around 1.0 and 3.0: weights 1/4, 3/4, 3/4, 1/4 where they fall on pixels.
    expected = [[3 / 7, 3 / 7, 1 / 7, 0], [0, 1 / 7, 3 / 7, 3 / 7]]
    assert torch.allclose(interpolation_matrix(4, 2), torch.tensor(expected))


@pytest.mark.parametrize(("source", "target"), [(7, 7), (5, 13), (13, 5), (1, 4)])
def test_rows_sum_to_one(source, target):
    matrix = interpolation_matrix(source, target)
    assert matrix.shape == (target, source)
    assert torch.allclose(matrix.sum(dim=1), torch.ones(target))


def test_same_size_changes_nothing():
    assert torch.equal(interpolation_matrix(6, 6), torch.eye(6))


def test_rounding_never_leaves_the_unit_range():
    results = []
    for side in range(3, 40):
        white = torch.full((1, side, side, 3), 255, dtype=torch.uint8)
        results.append(
            SquareResize(side, side, 45, 40, torch.device("cpu"))(white, Crops.whole(1), torch.empty(1, 40, 40, 3))
        )
    assert max(result.max() for result in results) == 1
    assert min(result.min() for result in results) > 1 - 1e-5
