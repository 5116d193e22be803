"""How sparsity grows over rounds, with training between them and without."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED, same
from tests.methods.running import counts, masks_of, ran, sizes, stages_of
from vpns_hf import InputError
from vpns_hf.methods import passes_of
from vpns_hf.methods.stages import BetweenRounds, Prune
from vpns_hf.pruning import SCHEDULES, cubic, geometric, num_dropped
from vpns_hf.training import Callback

SCHEDULED = ["omp", "snip", "grasp", "synflow"]


@SEEDED
@given(name=st.sampled_from(sorted(SCHEDULES)), sparsity=st.floats(0, 0.999), rounds=st.integers(1, 200))
def test_sparsity_grows_to_what_is_asked_for(name, sparsity, rounds):
    after = SCHEDULES[name](sparsity, rounds)
    assert len(after) == (1 if name == "one_shot" else rounds)
    assert after[-1] == sparsity
    assert after[0] >= 0
    assert all(before <= then for before, then in pairwise(after))


def test_hand_computed_schedules():
    assert cubic(0.8, 4) == pytest.approx([0.4625, 0.7, 0.7875, 0.8], rel=1e-12)
    assert geometric(0.84, 2) == pytest.approx([0.6, 0.84], rel=1e-12)


def rounds_of(method: str, **changes: object) -> list[float]:
    [prune] = [stage for stage in stages_of(method, 0.9, **changes) if isinstance(stage, Prune)]
    return prune.sparsities


def test_what_a_method_takes_where_nothing_is_asked_for():
    assert rounds_of("omp", rounds=None) == rounds_of("snip", rounds=None) == [0.9]
    assert rounds_of("synflow", rounds=None) == geometric(0.9, 100)
    assert rounds_of("synflow", schedule="one_shot") == [0.9]
    assert rounds_of("grasp", schedule="cubic", rounds=None) == cubic(0.9, 10)
    assert rounds_of("omp", schedule="geometric", rounds=3) == geometric(0.9, 3)


class Diary(Callback):
    """Masks and weights after each stage."""

    def __init__(self) -> None:
        self.masks, self.weights, self.names = [], [], []

    def on_stage_finished(self, run, stage) -> None:
        self.names.append(stage.name)
        self.masks.append(masks_of(run))
        self.weights.append({name: layer.masked() for name, layer in run.model.masked_layers().items()})


@pytest.mark.slow
@pytest.mark.parametrize("method", ["omp", "synflow"])
def test_training_between_rounds_brings_no_weight_back(method):
    diary = Diary()
    run = ran(stages_of(method, 0.8, schedule="cubic", rounds=3, epochs_per_round=1), diary)
    assert diary.names == ["label_mapping", "prune", "round", "prune", "round", "prune", "measure", "finetune"]
    total = sum(sizes(run))
    after = [sum(int(mask.sum()) for mask in masks.values()) for masks in diary.masks]
    expected = [total - num_dropped(total, sparsity) for sparsity in cubic(0.8, 3)]
    assert after[1:] == [expected[0], expected[0], expected[1], expected[1], *[expected[2]] * 3]
    for larger, smaller in pairwise(diary.masks):
        assert all((mask <= larger[name]).all() for name, mask in smaller.items())
    for masks, weights in zip(diary.masks, diary.weights, strict=True):
        assert all((weights[name][~mask] == 0).all() for name, mask in masks.items())
    assert not same(diary.weights[1], diary.weights[2])
    assert [record.stage for record in run.history] == ["round", "round", "finetune"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_each_round_ranks_anew(method):
    once, rounds = (ran(stages_of(method, 0.7, schedule=name)[:-1]) for name in ("one_shot", "geometric"))
    assert sum(counts(once)) == sum(counts(rounds))
    assert not same(masks_of(once), masks_of(rounds))


@pytest.mark.slow
def test_magnitudes_that_nothing_changes_give_the_same_mask_in_rounds():
    once, rounds = (ran(stages_of("omp", 0.7, schedule=name)[:-1]) for name in ("one_shot", "cubic"))
    assert same(masks_of(once), masks_of(rounds))


@pytest.mark.parametrize("method", SCHEDULED)
def test_rounds_of_training_count_as_rounds(method):
    changes = {"schedule": "geometric", "rounds": 4, "epochs_per_round": 2, "score_images_per_class": 1}
    stages = stages_of(method, **changes, equal_passes="30")
    assert [stage.epochs for stage in stages if isinstance(stage, BetweenRounds)] == [2, 2, 2]
    passes = passes_of(stages)
    reads = {"snip": 4 * 3 / 8, "grasp": 4 * 4 * 3 / 8}.get(method, 0)
    assert (passes.search, passes.rounds) == (reads, 12)
    assert 28 < passes.total <= 30
    with pytest.raises(InputError, match=r"^equal_passes is 12, but .* give at least \d+$"):
        stages_of(method, **changes, equal_passes="12")


def test_the_last_round_is_followed_by_tuning_alone():
    names = [stage.name for stage in stages_of("omp", schedule="cubic", rounds=2, epochs_per_round=1)]
    assert names == ["label_mapping", "prune", "round", "prune", "measure", "finetune"]
