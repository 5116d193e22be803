from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from tests.reporting.comparison.compared import rightly
from vpns_hf.reporting.comparison import Spread, over_images, over_seeds


def test_spread_is_mean_and_sample_deviation():
    """Of 90, 92 and 97: mean 93, squares 9 + 1 + 16 = 26, deviation sqrt(26 / 2)."""
    assert Spread.of([0.90, 0.92, 0.97]) == Spread(pytest.approx(0.93), pytest.approx(math.sqrt(13) / 100), 3)
    assert Spread.of([0.9]) == Spread(0.9, None, 1)


def test_interval_over_seeds_is_that_of_the_paired_t_test():
    """Differences 1, 2 and 3: mean 2, deviation 1, t(0.975; 2) = 4.302653: 2 ± 4.302653 / sqrt(3) = 2 ± 2.484138."""
    found = over_seeds({7: 0.91, 9: 0.95, 17: 0.83, 3: 0.5}, {9: 0.93, 7: 0.90, 17: 0.80})
    assert (found.mean, found.count, found.over) == (pytest.approx(0.02), 3, "seeds")
    assert (found.low, found.high) == (pytest.approx(-0.00484138), pytest.approx(0.04484138))


def test_two_seeds_leave_one_degree_of_freedom():
    """Differences 1 and 3: mean 2, deviation sqrt(2), t(0.975; 1) = 12.706205: 2 ± 12.706205."""
    found = over_seeds({7: 0.91, 9: 0.95}, {7: 0.90, 9: 0.92})
    assert (found.low, found.high) == (pytest.approx(-0.10706205), pytest.approx(0.14706205))


def test_differences_that_are_all_the_same_have_no_interval():
    """One of no width would tell of a certainty that two seeds do not give."""
    found = over_seeds({7: 0.91, 9: 0.95}, {7: 0.90, 9: 0.94})
    assert (found.low, found.high, found.remark) == (None, None, "no spread over seeds")
    assert found.mean == pytest.approx(0.01)


def test_one_seed_has_no_interval_over_seeds():
    found = over_seeds({7: 0.91}, {7: 0.90})
    assert found.low is None
    assert found.remark.startswith("one seed")


def test_interval_over_images_is_that_of_drawing_images():
    """Of 100 images 10 are gained and 4 lost: 6 points, and sqrt((0.14 - 0.06^2) / 100) = 3.69 points of deviation."""
    found = over_images(rightly(100, 0, 1, 2, 3), rightly(100, *range(10, 20)))
    assert (found.mean, found.count, found.over) == (0.06, 100, "images")
    assert found.low == pytest.approx(0.06 - 1.96 * 0.0369, abs=0.01)
    assert found.high == pytest.approx(0.06 + 1.96 * 0.0369, abs=0.01)
    rows = np.random.default_rng(1).integers(0, 100, size=(4000, 100))
    differences = rightly(100, 0, 1, 2, 3).astype(int) - rightly(100, *range(10, 20)).astype(int)
    low, high = np.quantile(differences[rows].mean(axis=1), [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.011), pytest.approx(high, abs=0.011))


def test_images_that_are_all_classified_alike_tell_no_interval():
    found = over_images(rightly(100, 3), rightly(100, 3))
    assert (found.mean, found.low, found.remark) == (0.0, None, "both classify the same images rightly")


def test_without_scipy_the_line_says_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    found = over_seeds({7: 0.91, 9: 0.95}, {7: 0.90, 9: 0.92})
    assert found.mean == pytest.approx(0.02)
    assert found.low is None
    assert found.remark.endswith('pip install "vpns_hf[study]"')
    assert over_images(rightly(10, 1), rightly(10, 2, 3)).low is not None
