"""Tuning with N of every M weights in which the mask follows the weights."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import same
from tests.methods.running import arguments, masks_of, ran, stages_of
from tests.training_helpers import tiny_trainer
from vpns_hf import InputError
from vpns_hf.methods import METHODS
from vpns_hf.methods.stages import FineTuneBySrSte, FineTuneStage
from vpns_hf.pruning import NOfM, Weights

PATTERN = {"granularity": "2:4", "sparsities": None}


@pytest.mark.parametrize("method", ["omp", "vpns"])
def test_two_of_four_stay_and_are_the_largest(method):
    fixed, moved = (ran(stages_of(method, 0.5, **PATTERN, **asked)) for asked in ({}, {"sr_ste": 2e-4}))
    groups = Weights().groups(moved.model)
    layers = moved.model.masked_layers()
    found = NOfM(2, 4).keep([layers[group.name].weight.detach().abs() for group in groups], groups, 0.5)
    assert all(torch.equal(layers[group.name].weight_mask, mask) for group, mask in zip(groups, found, strict=True))
    assert moved.model.sparsity == fixed.model.sparsity
    assert not same(masks_of(fixed), masks_of(moved))
    assert {type(layer) for layer in layers.values()} == {
        type(layer) for layer in fixed.model.masked_layers().values()
    }


def largest_pruned(decay: float) -> float:
    """The largest pruned weight after four steps of SGD of 0.05, of which each takes away 0.05 times the decay."""
    layers = ran(stages_of("omp", 0.5, momentum=0.0, sr_ste=decay, **PATTERN)).model.masked_layers().values()
    return max(float((layer.weight - layer.masked()).detach().abs().max()) for layer in layers)


def test_decay_keeps_pruned_weights_down():
    assert largest_pruned(20.0) < largest_pruned(0.0)


def test_the_dense_reference_and_other_trainings_know_nothing_of_it():
    kinds = [
        type(stage) for stage in stages_of("omp", 0.5, **PATTERN, sr_ste=2e-4) if isinstance(stage, FineTuneStage)
    ]
    assert kinds == [FineTuneBySrSte]
    assert FineTuneBySrSte not in map(type, stages_of("omp", 0.5, **PATTERN))


@pytest.mark.parametrize("granularity", ["weight", "kernel", "channel"])
@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"dense"}))
def test_other_granularities_are_refused(method, granularity):
    with pytest.raises(InputError, match=rf"^sr_ste is 0\.0002, but granularity {granularity} is no N:M; [^\n]*$"):
        arguments(method, granularity=granularity, sr_ste=2e-4)


def test_a_mask_to_start_from_is_refused():
    with pytest.raises(InputError, match=r"^sr_ste lets pruned weights come back, but [^\n]*$"):
        arguments("omp", **PATTERN, sr_ste=2e-4, init_mask="somewhere")


def test_the_plan_says_so(tmp_path):
    line = "The mask follows the weights in tuning: SR-STE, lambda 0.0002\n"
    assert line in str(tiny_trainer(tmp_path, method="omp", **PATTERN, sr_ste=2e-4).plan())
    assert "SR-STE" not in str(tiny_trainer(tmp_path, method="omp", **PATTERN).plan())
