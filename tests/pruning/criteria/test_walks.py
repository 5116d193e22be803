"""Walks through channels: how likely each way is, and what is noted of it."""

from __future__ import annotations

import numpy as np
import pytest

from vpns_hf.pruning.criteria.channel_graph import Crossing
from vpns_hf.pruning.criteria.walks import NEVER, Kernels, Spread, draw, walk

MANY = 100_000


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def shares(channels: np.ndarray, count: int) -> list[float]:
    return (np.bincount(channels, minlength=count) / len(channels)).tolist()


def weights(*shape: int) -> np.ndarray:
    return generator().random(shape, dtype=np.float32)


@pytest.mark.parametrize("row", [[1, 2, 3, 4], [0, 0, 1, 0, 3], [5], [0, 1], [1, 0], list(range(37))])
def test_a_column_is_drawn_in_proportion(row):
    cumulative = np.cumsum(np.array([[1] * len(row), row], np.float32), 1, dtype=np.float32)
    found = draw(cumulative, np.ones(MANY, np.int64), generator())
    assert shares(found, len(row)) == pytest.approx((np.array(row) / sum(row)).tolist(), abs=0.01)
    assert all(row[column] > 0 for column in set(found.tolist()))


def test_walks_cross_a_layer_by_the_sum_of_kernels_and_within_one_by_each_weight():
    values = weights(4, 3, 2, 2)
    layer, walks = Kernels(values), np.arange(MANY)
    norms = values.sum((2, 3))
    ahead = layer.forward(np.full(MANY, 1), walks, generator())
    assert shares(ahead, 4) == pytest.approx((norms[:, 1] / norms[:, 1].sum()).tolist(), abs=0.01)
    back = layer.backward(np.full(MANY, 2), walks, generator())
    assert shares(back, 3) == pytest.approx((norms[2] / norms[2].sum()).tolist(), abs=0.01)


def test_positions_in_a_kernel_are_drawn_by_their_weight():
    values = np.zeros((1, 1, 1, 4), np.float32)
    values[..., :] = [1, 0, 3, 4]
    found = []
    for seed in range(4000):
        layer = Kernels(values)
        layer.forward(np.zeros(1, np.int64), np.zeros(1, np.int64), np.random.default_rng(seed))
        [place] = np.flatnonzero(layer.first != NEVER)
        found.append(place)
    assert shares(np.array(found), 4) == pytest.approx([1 / 8, 0, 3 / 8, 1 / 2], abs=0.03)


def test_where_all_is_zero_every_way_is_as_likely():
    values = weights(4, 3, 3, 3)
    values[:, 1] = 0
    values[2] = 0
    layer, walks = Kernels(values), np.arange(MANY)
    assert shares(layer.forward(np.full(MANY, 1), walks, generator()), 4) == pytest.approx([1 / 4] * 4, abs=0.01)
    assert shares(layer.backward(np.full(MANY, 2), walks, generator()), 3) == pytest.approx([1 / 3] * 3, abs=0.01)
    passed = (layer.first != NEVER).reshape(values.shape)
    assert passed[:, 1].all()
    assert passed[2].all()


def test_only_outputs_that_are_read_are_gone_to():
    values = weights(6, 3)
    values[:, 2] = 0
    layer, walks = Kernels(values, outputs=[4, 1]), np.arange(MANY)
    first, *_, last = (layer.forward(np.full(MANY, channel), walks, generator()) for channel in range(3))
    assert set(first.tolist()) == {1, 4}
    assert shares(last, 6) == pytest.approx([0, 1 / 2, 0, 0, 1 / 2, 0], abs=0.01)
    passed = (layer.first != NEVER).reshape(6, 3)
    assert passed.any(1).tolist() == [False, True, False, False, True, False]


def test_walks_stay_in_their_group():
    layer, walks = Kernels(weights(6, 2, 3, 3), groups=3), np.arange(MANY)
    channels = walks % 6  # two inputs and two outputs in each group
    assert (layer.forward(channels, walks, generator()) // 2 == channels // 2).all()
    assert (layer.backward(channels, walks, generator()) // 2 == channels // 2).all()
    depthwise = Kernels(weights(5, 1, 3, 3), groups=5)
    assert (depthwise.forward(walks % 5, walks, generator()) == walks % 5).all()
    assert (depthwise.backward(walks % 5, walks, generator()) == walks % 5).all()


def test_the_first_walk_to_pass_a_weight_is_noted():
    layer = Kernels(np.ones((1, 2), np.float32))
    layer.forward(np.array([0, 0, 1]), np.array([9, 4, 7]), generator())
    layer.forward(np.array([0, 1]), np.array([5, 11]), generator())
    assert layer.first.tolist() == [4, 7]
    assert layer.visited == 2


def test_a_flattening_takes_one_position_of_a_channel_and_back():
    spread, walks = Spread(4), np.arange(MANY)
    ahead = spread.forward(np.full(MANY, 2), walks, generator())
    assert shares(ahead, 12) == pytest.approx([0] * 8 + [1 / 4] * 4, abs=0.01)
    assert (spread.backward(ahead, walks, generator()) == 2).all()


# Pixels, a layer, and what adds the pixels, the layer's output and that of another layer after it.
BRANCHES = [Crossing((), (1, 3)), Crossing((0,), (2, 3), "a"), Crossing((1,), (3,), "b"), Crossing((2, 1, 0), ())]


@pytest.mark.parametrize("backward", [False, True])
def test_branches_are_as_likely_where_they_part_or_meet_and_identity_is_one(backward):
    layers = Kernels(np.eye(3, dtype=np.float32)), Kernels(np.eye(3, dtype=np.float32))
    passages = [Spread(), *layers, Spread()]
    walks = np.arange(MANY) * 2
    ends = walk(BRANCHES, passages, np.arange(MANY) % 3, walks, generator(), backward)
    assert (ends == np.arange(MANY) % 3).all()
    first, second = (layer.first != NEVER for layer in layers)
    assert first.sum() == second.sum() == 3

    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def forward(self, channels, walks, generator):
            self.count += len(walks)
            return channels

        backward = forward

    counting = [Counting() for _ in BRANCHES]
    walk(BRANCHES, counting, np.zeros(MANY, np.int64), walks, generator(), backward)
    expected = [1, 2 / 3, 1 / 3, 1] if backward else [1, 1 / 2, 1 / 4, 1]
    assert [passage.count / MANY for passage in counting] == pytest.approx(expected, abs=0.01)
