from __future__ import annotations

import re

import pytest

from tests.helpers import refusal
from tests.studies.studying import OPTIONS, cells
from vpns_hf import InputError
from vpns_hf.studies import Grid, cells_of


def test_every_combination_once_the_seeds_fastest():
    found = cells(seed=[1, 2], method=["vpns", "omp"], sparsities=[[0.5], [0.9]])
    assert [(each.args.method, each.sparsity, each.args.seed) for each in found] == [
        (method, sparsity, seed) for method in ("vpns", "omp") for sparsity in (0.5, 0.9) for seed in (1, 2)
    ]
    assert cells(seed=[1, 1, 2]) == cells(seed=[1, 2])


def test_grids_join_and_what_they_share_is_made_once():
    one, other = {"method": ["vpns", "omp"], "seed": [1, 2]}, {"method": ["omp", "snip"], "seed": [2]}
    found = cells_of([Grid(OPTIONS, one), Grid(OPTIONS, other)], threads=1)
    made = [(each.args.method, each.args.seed) for each in found]
    assert made == [("vpns", 1), ("vpns", 2), ("omp", 1), ("omp", 2), ("snip", 2)]


def test_one_sparsity_of_the_dense_network_and_of_a_pattern():
    found = cells(granularity=["weight", "2:4"], method=["omp", "dense"], sparsities=[[0.7], [0.9]])
    made = [(each.args.method, each.args.granularity, each.sparsity) for each in found]
    assert made == [("omp", "weight", 0.7), ("omp", "weight", 0.9), ("dense", "weight", 0), ("omp", "2:4", 0.5)]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"method": ["vpns", "magic"]}, "method is 'magic'; allowed: vpns, "),
        ({"sparsities": [[0.5], [1.0]]}, "sparsity"),
        ({"seed": [7, -1]}, "seed is -1; allowed: 0 to "),
        ({"visual_prompt": ["none", "frame"]}, "visual_prompt is 'frame'; allowed: "),
        ({"granularity": ["weight", "4:2"]}, "granularity is '4:2'; allowed: "),
        (
            {"method": ["omp", "imp"], "equal_passes": ["12"]},
            r"equal_passes is 12, but imp takes .* \(for method imp\)$",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_value_that_is_not_allowed_is_refused(axes, message):
    assert re.search(message, refusal(cells, **axes))


def test_a_study_without_cells_and_jobs_without_threads_are_refused():
    with pytest.raises(InputError, match="no cells"):
        cells(method=[])
    with pytest.raises(InputError, match="threads_per_job is 0; allowed: 1 to "):
        cells(threads=0)
