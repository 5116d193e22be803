from __future__ import annotations

import pytest

from tests.reporting.comparison.compared import compared, over_seeds
from vpns_hf.reporting.comparison import rank, settings_of


def ranking(*runs):
    [setting] = settings_of(runs)
    return rank(setting.column(0.9))


def test_bold_is_the_best_and_what_lies_within_its_spread():
    """The best: mean 93, deviation sqrt(13) = 3.606: 89.5 lies within, 89.3 does not."""
    best = over_seeds("vpns", {7: 0.90, 9: 0.92, 17: 0.97})
    within, below = (
        over_seeds(name, dict.fromkeys((7, 9, 17), value)) for name, value in (("omp", 0.895), ("snip", 0.893))
    )
    assert ranking(*best, *within, *below).bold == {"vpns", "omp"}


def test_the_spread_of_one_seed_is_that_of_counting():
    """Of 100 images 90 right: deviation 3."""
    runs = [compared("vpns", 0.90), compared("omp", 0.88), compared("snip", 0.86)]
    assert ranking(*runs).bold == {"vpns", "omp"}


OTHERS = {
    "passes": ({"passes": 120}, "120 passes, not 60 as vpns"),
    "unknown passes": ({"passes": None}, "passes that are not recorded as vpns"),
    "images": ({"images": 50}, "test images 50, not 100 as vpns"),
    "data": ({"data": {"test images": "100 (b)"}}, "other test images as vpns"),
    "channels": (
        {"options": {"budget": "channels"}, "recorded": {"granularity": "channel"}},
        "a share of channels removed, not of prunable weights as vpns",
    ),
    "share": ({"recorded": {"sparsity": 0.85}}, "85.00% removed, not 90.00% as vpns"),
    "seed": ({"seed": 9}, "seeds 9, not 7 as vpns"),
    "model": ({"data": {"test images": "100 (a)", "model": "b"}}, "other weights of the model to begin with as vpns"),
    "pre-training": ({"options": {"pretrain_epochs": 6}}, "epochs of pre-training 6, not 0 as vpns"),
    "teacher": ({"options": {"distill_alpha": 0.5}}, "a teacher's training one, not none as vpns"),
    "start": ({"options": {"init_mask": "1a2b"}}, "another run's mask to begin with 1a2b, not none as vpns"),
}


@pytest.mark.parametrize("fields, reason", OTHERS.values(), ids=OTHERS)
def test_what_is_not_comparable_is_not_ranked(fields, reason):
    data = {"test images": "100 (a)", "model": "a"}
    runs = [compared("vpns", 0.9, data=data), compared("omp", 0.8, data=data)]
    found = ranking(*runs, compared("imp", 0.99, **fields))
    assert found.bold == {"vpns"}
    assert found.apart == {"imp": reason}


def test_other_weights_to_begin_with_are_those_of_another_prompt():
    """Where an option differs as well, that is what makes them others."""
    runs = [
        compared("vpns", 0.9 - size / 10, options={"prompt_size": size}, data={"model": str(size)}) for size in (0, 4)
    ]
    assert ranking(*runs).bold == {"vpns, prompt_size 0"}


def test_another_network_of_the_same_name_is_told_whatever_else_differs():
    """What is asked of training has no part in the weights to begin with."""
    runs = [
        compared(method, 0.9, options={"finetune_epochs": epochs}, data={"model": method})
        for method, epochs in (("vpns", 1), ("omp", 2))
    ]
    assert ranking(*runs).bold == set()
    assert all("other weights of the model to begin with" in reason for reason in ranking(*runs).apart.values())


def test_passes_that_were_asked_to_be_equal_may_differ_by_part_of_an_epoch_and_by_little():
    def ranked(passes: float, other: float = 60, **options):
        runs = (
            compared("omp", 0.9, passes=other, options=options),
            compared("snip", 0.5, passes=passes, options=options),
        )
        return ranking(*runs)

    assert not ranked(58.1, equal_passes=60).apart
    assert ranked(57.9, equal_passes=60).apart
    assert ranked(58.1).apart
    assert ranked(10.2, 12, equal_passes=12).apart
    assert not ranked(12.2, 12, equal_passes=12).apart


def test_the_same_costs_beside_the_passes_are_no_obstacle():
    options = {"pretrain_epochs": 6, "distill_alpha": 0.5, "init_mask": "1a2b"}
    runs = compared("omp", 0.9, options=options), compared("snip", 0.5, options={**options, "distill_alpha": 0.3})
    assert not ranking(*runs).apart


def test_of_as_many_those_with_more_seeds_are_ranked():
    two = (7, 9)
    runs = [*over_seeds("vpns", dict.fromkeys(two, 0.9)), *over_seeds("omp", dict.fromkeys(two, 0.8))]
    others = [compared("snip", 0.95), compared("random", 0.1)]
    found = ranking(*others, *runs)
    assert (found.bold, set(found.apart)) == ({"vpns"}, {"snip", "random"})


def test_a_budget_that_stands_in_the_recipe_of_single_weights_counts_no_channels():
    runs = compared("omp", 0.9, options={"budget": "channels"}), compared("vpns", 0.8)
    assert not ranking(*runs).apart


def test_nothing_is_bold_where_nothing_can_be_ranked():
    assert ranking(compared("vpns", 0.9)).bold == set()
    two = ranking(compared("vpns", 0.9), compared("omp", 0.8, passes=10))
    assert (two.bold, list(two.apart)) == (set(), ["vpns", "omp"])
    pairs = [compared(name, 0.9, passes=passes) for name, passes in zip("abcd", (10, 10, 60, 60), strict=True)]
    assert ranking(*pairs).bold == set()
