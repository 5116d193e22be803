"""Every method takes the passes that are asked for, to half an epoch."""

from __future__ import annotations

import re

import pytest

from tests.helpers import refusal
from tests.methods.running import PRUNING, arguments
from vpns_hf import InputError, VPNsTrainingArguments
from vpns_hf.methods import METHODS, Task, passes_of, reference_stages, rounds_to
from vpns_hf.methods.stages import TrainRound
from vpns_hf.reporting import Passes

AN_EPOCH = 2  # updates
TASK = {"images": 500, "classes": 10}
EPOCHS = {"find_mask_epochs": 12, "finetune_epochs": 9}


def passes(method: str, sparsity: float = 0.7, **changes: object) -> Passes:
    task = Task(0.0 if method == "dense" else sparsity, **TASK)
    return passes_of(METHODS[method].stages(arguments(method, **{**EPOCHS, **changes}), task))


@pytest.mark.parametrize("sparsity", [0.4, 0.9])
@pytest.mark.parametrize(("asked", "total"), [("60", 60), ("auto", 42), ("61", 61)])
@pytest.mark.parametrize("method", METHODS)
def test_search_rounds_and_tuning_come_within_half_an_epoch(method, asked, total, sparsity):
    """A method that reads a few images first, as SNIP does, loses no epoch of tuning by that."""
    found = passes(method, sparsity, equal_passes=asked)
    assert abs(found.total - total) <= AN_EPOCH / 2
    assert found.tuning >= AN_EPOCH


def test_what_each_part_takes():
    assert passes("vpns", equal_passes="60") == passes("bip", equal_passes="60") == Passes(search=24, tuning=36)
    assert passes("hydra", equal_passes="60") == passes("vpns", equal_passes="60")
    assert passes("omp", equal_passes="60") == passes("random", equal_passes="60") == Passes(tuning=60)
    assert passes("dense", equal_passes="60") == Passes(tuning=60)
    assert passes("snip", equal_passes="60") == Passes(search=0.2, tuning=60)
    assert passes("snip", equal_passes="60", score_images_per_class=100) == Passes(search=1.0, tuning=58)
    assert passes("grasp", equal_passes="60") == Passes(search=0.8, tuning=60)
    assert passes("synflow", equal_passes="60") == passes("phew", equal_passes="60") == Passes(tuning=60)
    assert passes("imp", equal_passes="60") == Passes(rounds=6 * 8, tuning=12)


def test_without_it_each_method_keeps_its_own():
    assert passes("vpns") == Passes(search=24, tuning=18)
    assert passes("snip") == Passes(search=0.2, tuning=18)
    assert passes("imp", 0.9) == Passes(rounds=11 * 18, tuning=18)


def test_auto_is_what_vpns_takes():
    assert passes("vpns", equal_passes="auto") == passes("vpns")
    assert passes("hydra", equal_passes="auto", hydra_original=True) == passes("vpns")


@pytest.mark.parametrize(("passes", "given"), [(60, 60), (4, 4), (0.2, 2), (60.2, 62), (61, 62)])
def test_a_dense_reference_never_gets_fewer(passes, given):
    assert passes_of(reference_stages(arguments("vpns", **EPOCHS), passes)) == Passes(tuning=given)


@pytest.mark.parametrize(
    ("method", "asked", "needed"),
    [
        ("imp", 13, 14),
        ("vpns", 24, 26),
        ("hydra", 25, 26),
        ("vpns", 1, 26),
        ("omp", 1, 2),
        ("snip", 1, 2),
        ("grasp", 1, 2),
    ],
)
def test_too_few_are_refused_with_the_number_that_is_needed(method, asked, needed):
    line = refusal(passes, method, equal_passes=str(asked))
    assert line.startswith(f"equal_passes is {asked}, but ")
    assert line.endswith(f"give at least {needed}")
    assert passes(method, equal_passes=str(needed)).total <= needed + AN_EPOCH / 2
    with pytest.raises(InputError):
        passes(method, equal_passes=str(needed - 1))


def test_what_auto_stands_for_is_told():
    with pytest.raises(
        InputError, match=r"^equal_passes is auto, 10, but imp takes 6 rounds and tuning, 2 passes each"
    ):
        passes("imp", find_mask_epochs=2, finetune_epochs=3, equal_passes="auto")


def test_imp_shares_them_between_rounds_and_tuning():
    for sparsity, total in ((0.4, 60), (0.9, 60), (0.9, 25)):
        stages = METHODS["imp"].stages(arguments("imp", equal_passes=str(total)), Task(sparsity, **TASK))
        rounds = [stage.epochs for stage in stages if isinstance(stage, TrainRound)]
        assert rounds == [total // (2 * (rounds_to(sparsity) + 1))] * rounds_to(sparsity)
        assert stages[-1].epochs == (total - 2 * sum(rounds)) // 2 >= rounds[0]


@pytest.mark.parametrize(("step", "rounds", "tuning"), [(0, 8, 4), (1, 6, 6), (3, 2, 10), (9, 2, 10)])
def test_what_rounds_do_not_train_again_does_not_count(step, rounds, tuning):
    """Four rounds of an epoch of three steps, 12 passes in all: all rounds but the first begin at the step."""
    args = arguments("imp", equal_passes="12", imp_rewind_step=step)
    found = passes_of(METHODS["imp"].stages(args, Task(0.5, **TASK, steps=3)))
    assert found == Passes(rounds=pytest.approx(rounds), tuning=tuning)


@pytest.mark.parametrize("value", ["0", "-2", "1.5", "all", "", "2 "])
def test_what_is_neither_a_number_nor_auto_is_refused(value):
    with pytest.raises(
        InputError, match=re.escape(f"equal_passes is {value!r}; allowed: auto, or a number of at least 1")
    ):
        VPNsTrainingArguments(equal_passes=value)


@pytest.mark.parametrize("method", PRUNING)
def test_a_number_counts_as_it_is_written(method):
    assert arguments(method, equal_passes=60).equal_passes == "60"
    with pytest.raises(InputError, match="equal_passes is True"):
        arguments(method, equal_passes=True)
