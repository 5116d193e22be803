from __future__ import annotations

import logging

import numpy as np
import pytest

from tests.reporting.comparison.compared import compared
from vpns_hf.reporting.comparison import agreement_at, settings_of


def reading(*kept: int, shape: tuple[int, ...] = (10,)):
    """What reads a mask of one layer that keeps these places."""
    return lambda: {"layer": np.isin(np.arange(10), kept).reshape(shape)}


def agreement(**masks):
    [setting] = settings_of([compared(name, 0.9, masks=read) for name, read in masks.items()])
    return agreement_at(setting, 0.9)


def test_agreement_is_intersection_over_union():
    """{0, 1, 2} and {1, 2, 3}: 2 of 4; {1} of {0, 1, 2}: 1 of 3. By chance 0.9 of 5.1, and twice 0.3 of 3.7."""
    found = agreement(vpns=reading(0, 1, 2), omp=reading(1, 2, 3), snip=reading(1))
    assert found.names == ["vpns, 7", "omp, 7", "snip, 7"]
    np.testing.assert_allclose(found.shares, [[1, 1 / 2, 1 / 3], [1 / 2, 1, 1 / 3], [1 / 3, 1 / 3, 1]])
    assert found.by_chance == pytest.approx((0.9 / 5.1 + 2 * 0.3 / 3.7) / 3)


def test_masks_that_know_nothing_of_each_other_agree_as_chance_says():
    places = [np.random.default_rng(seed).random(200_000) < 0.1 for seed in (1, 2)]
    [setting] = settings_of([compared(str(i), 0.9, masks=lambda of=of: {"layer": of}) for i, of in enumerate(places)])
    found = agreement_at(setting, 0.9)
    assert found.shares[0, 1] == pytest.approx(0.1 / 1.9, abs=0.003)
    assert found.by_chance == pytest.approx(0.1 / 1.9, abs=0.001)


def test_layers_that_both_leave_dense_are_no_agreement():
    """One layer of ten whole, of one of ninety a tenth: 10.9 of 27.1 kept by both, not 0.19 / 1.81."""
    draw = np.random.default_rng(3)
    masks = [{"a": np.ones(10_000, bool), "b": draw.random(90_000) < 0.1} for _ in range(2)]
    [setting] = settings_of([compared(str(i), 0.9, masks=lambda of=of: of) for i, of in enumerate(masks)])
    found = agreement_at(setting, 0.9)
    assert found.by_chance == pytest.approx(10.9 / 27.1, abs=0.003)
    assert found.shares[0, 1] == pytest.approx(found.by_chance, abs=0.003)


def test_masks_of_other_layers_and_runs_without_masks_are_left_out():
    found = agreement(vpns=reading(0), omp=reading(1), thin=reading(0, shape=(5, 2)), none=None)
    assert found.names == ["vpns, 7", "omp, 7"]
    assert agreement(vpns=reading(0), none=None) is None


def test_a_mask_that_cannot_be_read_is_named(caplog):
    def broken():
        raise OSError("no such file")

    with caplog.at_level(logging.WARNING):
        assert agreement(vpns=reading(0), omp=broken) is None
    assert "the mask of omp, 7 in jobs/omp-7 is left out" in caplog.text
