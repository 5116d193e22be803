from __future__ import annotations

import pytest

from tests.reporting.comparison.compared import compared, over_seeds
from vpns_hf.errors import InputError
from vpns_hf.reporting.comparison import settings_of


def labels(*runs) -> list[str]:
    [setting] = settings_of(runs)
    return [line.label for line in setting.lines]


def test_seeds_and_sparsities_are_of_one_line():
    [setting] = settings_of(
        [compared("vpns", 0.8, 9, 0.95), *over_seeds("vpns", {9: 0.9, 7: 0.92}), compared("omp", 0.7)]
    )
    vpns, omp = setting.lines
    assert (vpns.label, vpns.seeds, list(vpns.cells)) == ("vpns", [7, 9], [0.9, 0.95])
    assert vpns.cells[0.9].accuracies == {7: 0.92, 9: 0.9}
    assert (omp.label, list(omp.cells)) == ("omp", [0.9])
    assert [cell.label for cell in setting.column(0.95)] == ["vpns"]


def test_runs_that_differ_in_an_option_are_never_pooled():
    """Also where the option was not to be compared, and the seeds are others."""
    rates = [
        compared("vpns", 0.9, 7, options={"learning_rate": 0.1}),
        compared("vpns", 0.8, 9, options={"learning_rate": 0.01}),
    ]
    assert labels(*rates) == ["vpns, learning_rate 0.1", "vpns, learning_rate 0.01"]


def test_an_option_that_only_other_methods_have_tells_no_lines_apart():
    runs = [compared("vpns", 0.9, options={"find_mask_epochs": 10}), compared("omp", 0.8)]
    assert labels(*runs) == ["vpns", "omp"]
    assert labels(*runs, compared("vpns", 0.7)) == ["vpns, find_mask_epochs 10", "omp", "vpns"]


def test_whether_there_is_a_dense_reference_tells_no_lines_apart():
    runs = [compared("vpns", 0.9, seed, options={"dense_reference": seed == 7}) for seed in (7, 9)]
    assert labels(*runs) == ["vpns"]


def test_models_and_data_sets_are_settings_of_their_own():
    runs = [compared("vpns", 0.9), compared("vpns", 0.8, options={"dataset_name": "other"})]
    assert [setting.title for setting in settings_of(runs)] == ["net on data", "net on other"]


def test_the_same_run_twice_is_refused():
    with pytest.raises(InputError, match="both hold vpns at 90% sparsity with seed 7; give one of them"):
        settings_of([compared("vpns", 0.9), compared("vpns", 0.8)])


def test_nothing_to_compare_is_refused():
    with pytest.raises(InputError, match="no run with an accuracy"):
        settings_of([compared("vpns", None)])
