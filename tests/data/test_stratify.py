from __future__ import annotations

import numpy as np

from vpns_hf.data.stratify import stratified_cut


def test_parts_cover_all_rows_once():
    first, second = stratified_cut(np.arange(50) % 7, 0.3, seed=1)
    assert sorted([*first, *second]) == list(range(50))
    assert list(first) == sorted(first)


def test_classes_keep_their_share():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    _, second = stratified_cut(labels, 0.1, seed=3)
    assert np.bincount(labels[second]).tolist() == [6, 3, 1]


def test_size_is_exact_where_shares_are_fractions():
    labels = np.repeat([0, 1, 2, 3], 5)
    _, second = stratified_cut(labels, 0.1, seed=0)
    assert len(second) == 2
    assert len(set(labels[second])) == 2


def test_single_image_stays_in_the_first_part():
    labels = np.array([0, 1, 1, 1, 1])
    for seed in range(10):
        first, _ = stratified_cut(labels, 0.9, seed)
        assert 0 in first
        assert set(labels[first]) == {0, 1}


def test_seed_decides_the_rows():
    labels = np.zeros(100, dtype=int)
    assert np.array_equal(stratified_cut(labels, 0.2, 5)[1], stratified_cut(labels, 0.2, 5)[1])
    assert not np.array_equal(stratified_cut(labels, 0.2, 5)[1], stratified_cut(labels, 0.2, 6)[1])
