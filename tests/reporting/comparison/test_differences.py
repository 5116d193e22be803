from __future__ import annotations

import pytest

from tests.reporting.comparison.compared import compared, over_seeds, rightly
from vpns_hf.reporting.comparison import differences_in, settings_of


def differences(*runs):
    [setting] = settings_of(runs)
    return differences_in(setting)


def test_each_two_lines_are_subtracted_over_the_seeds_that_both_have():
    [found] = differences(*over_seeds("vpns", {7: 0.91, 9: 0.95, 17: 0.1}), *over_seeds("omp", {7: 0.90, 9: 0.92}))
    assert (found.one, found.other, found.seeds) == ("vpns", "omp", [7, 9])
    assert found.interval.mean == pytest.approx(0.02)
    assert found.interval.over == "seeds"


def test_of_one_seed_the_images_are_drawn():
    [found] = differences(
        compared("vpns", 0.99, correct=rightly(100, 1)), compared("omp", 0.97, correct=rightly(100, 2, 3, 4))
    )
    assert (found.interval.over, found.interval.mean) == ("images", pytest.approx(0.02))


def test_of_one_seed_without_images_there_is_no_interval():
    [found] = differences(compared("vpns", 0.99, correct=rightly(100, 1)), compared("omp", 0.97))
    assert (found.interval.mean, found.interval.low) == (pytest.approx(0.02), None)


@pytest.mark.parametrize("fields", [{"passes": 120}, {"seed": 9}, {"data": {"test images": "100 (b)"}}])
def test_what_is_not_comparable_is_not_subtracted(fields):
    assert differences(compared("vpns", 0.9), compared("omp", 0.8, **fields)) == []
