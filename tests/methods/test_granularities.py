"""Every method with every granularity: whole units go, and what cannot be is refused before anything is trained."""

from __future__ import annotations

import pytest

from tests.helpers import refusal
from tests.methods.running import PRUNING, arguments, ran, stages_of
from vpns_hf.errors import InputError
from vpns_hf.methods import METHODS, Task, scope_of, unused_options
from vpns_hf.methods.stages import Prune
from vpns_hf.pruning import Channels, Kernels, NOfM, Weights

ONE_SHOT = {"synflow": {"schedule": "one_shot"}}
EXACT = {"granularity": "channel", "round_channels_to": 1}
BY_PATTERN = [method for method in PRUNING if method != "imp"]


@pytest.mark.slow
@pytest.mark.parametrize("method", PRUNING)
def test_every_method_removes_whole_kernels(method):
    run = ran(stages_of(method, 0.6, granularity="kernel")[:-1])
    assert 0.59 < run.model.sparsity <= 0.6
    Kernels().pruned(run.model)  # raises where one is in part


@pytest.mark.slow
@pytest.mark.parametrize("method", PRUNING)
def test_every_method_removes_half_of_the_channels_of_each_group(method):
    run = ran(stages_of(method, 0.5, **EXACT)[:-1])
    for gone, group in zip(Channels().pruned(run.model), Channels().groups(run.model), strict=True):
        assert int(gone.sum()) == group.of.size // 2


@pytest.mark.slow
@pytest.mark.parametrize("method", ["vpns", "bip", "omp"])
def test_channels_of_all_groups_can_be_ranked_together(method):
    run = ran(stages_of(method, 0.5, scope="global", **EXACT)[:-1])
    gone = Channels().pruned(run.model)
    assert sum(int(units.sum()) for units in gone) == sum(len(units) for units in gone) // 2


@pytest.mark.parametrize("method", PRUNING)
def test_options_of_channels_are_told_apart(method):
    assert {"budget", "round_channels_to"} <= set(unused_options(method, arguments(method)))
    of_channels = unused_options(method, arguments(method, granularity="channel"))
    assert not {"budget", "round_channels_to", "scope"} & set(of_channels)


@pytest.mark.parametrize(("granularity", "scope"), [("weight", "global"), ("kernel", "global"), ("channel", "layer")])
def test_the_scope_where_none_is_given(granularity, scope):
    assert arguments("omp", granularity=granularity).chosen_scope == scope
    assert scope_of(stages_of("omp", 0.5, granularity=granularity)) == scope
    assert scope_of(stages_of("omp", 0.5, granularity=granularity, scope="global")) == "global"


@pytest.mark.slow
@pytest.mark.parametrize("method", BY_PATTERN)
def test_every_method_keeps_two_of_four(method):
    run = ran(stages_of(method, 0.5, granularity="2:4", sparsities=None, **ONE_SHOT.get(method, {}))[:-1])
    pattern, groups = NOfM(2, 4), Weights().groups(run.model)
    masks, dense = run.model.masks(), pattern.dense(groups)
    assert dense == {"resnet.embedder.embedder.convolution"}  # of three colours
    for name, mask in masks.items():
        assert bool(mask.all()) if name in dense else bool((mask.unflatten(1, (-1, 4)).sum(2) == 2).all())
    total = sum(mask.numel() for mask in masks.values())
    assert run.model.sparsity == pattern.removed(groups) / total


def test_excluded_layers_stay_dense_beside_a_pattern():
    run = ran(stages_of("omp", 0.5, granularity="2:4", sparsities=None, exclude=["classifier.1"]))
    assert run.model.masks()["classifier.1"].all()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("imp", {}, "granularity 2:4 is one sparsity, but imp comes to one in rounds; choose another method"),
        (
            "synflow",
            {},
            "granularity 2:4 is one sparsity, but the geometric schedule comes to one in rounds; give --sch",
        ),
        (
            "omp",
            {"schedule": "cubic"},
            "granularity 2:4 is one sparsity, but the cubic schedule comes to one in rounds",
        ),
    ],
)
def test_rounds_to_a_pattern_are_refused(method, options, message):
    said = refusal(stages_of, method, 0.5, granularity="2:4", sparsities=None, **options)
    assert said.startswith(message)


def test_numbers_of_single_weights_go_with_no_other_granularity(tmp_path):
    with pytest.raises(
        InputError, match=r"^granularity is kernel, but --like keeps numbers of single weights; [^\n]*$"
    ):
        stages_of("random", granularity="kernel", like=str(tmp_path))


def test_beside_a_pattern_scope_has_no_effect():
    options = arguments("omp", granularity="2:4", sparsities=[0.5], scope="layer")
    assert "scope" in unused_options("omp", options)
    prune = next(stage for stage in METHODS["omp"].stages(options, Task(0.5, 8, 3)) if isinstance(stage, Prune))
    assert prune.pruner.budget == NOfM(2, 4)
