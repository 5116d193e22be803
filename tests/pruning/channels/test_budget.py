"""How many channels stay: exactly, as multiples, and counted as weights or multiplications."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import SEEDED
from tests.pruning.channels.networks import SIDE, dense_network, mask_channels
from vpns_hf.errors import InputError
from vpns_hf.metrics import count_macs
from vpns_hf.models import ChannelGroup, Side
from vpns_hf.pruning import (
    ChannelBudget,
    ChannelGraph,
    Channels,
    Excluding,
    Global,
    PerLayer,
    Pruner,
    channel_groups,
    num_dropped,
)
from vpns_hf.pruning.channels import ChannelUnits
from vpns_hf.pruning.criteria import ScoringContext, magnitude, random


def chain(sizes: list[int], channels: int = 1) -> list[ChannelUnits]:
    """A network of one layer after the other: of 3 colours, so many units of channels, and 5 classes."""
    widths = [3, *(size * channels for size in sizes), 5]
    weights = {f"{place}": first * second for place, (first, second) in enumerate(pairwise(widths))}
    sides = [(Side(f"{place}", 0, channels), Side(f"{place + 1}", 1, channels)) for place in range(len(sizes))]
    groups = [ChannelGroup(f"{place}", size, channels, sides[place]) for place, size in enumerate(sizes)]
    graph = ChannelGraph(tuple(groups), {}, weights, {name: 10 * amount for name, amount in weights.items()})
    return [
        ChannelUnits(group.name, (group.size,), channels, layers=tuple(group.layers), of=group, graph=graph)
        for group in groups
    ]


def keys_of(groups: list[ChannelUnits], seed: int = 0, values: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    if values:
        return [torch.randint(values, group.shape, generator=generator).float() for group in groups]
    return [torch.rand(group.shape, generator=generator) for group in groups]


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@settings(SEEDED)
@given(
    sizes=SIZES, sparsity=st.sampled_from([0.0, 0.3, 0.5, 0.9]), seed=st.integers(0, 9), values=st.sampled_from([0, 2])
)
def test_of_each_group_exactly_the_fraction_goes_and_a_tenth_stays(sizes, sparsity, seed, values):
    groups = chain(sizes)
    keys = keys_of(groups, seed, values)
    kept = ChannelBudget(PerLayer(), multiple=1).keep(keys, groups, sparsity)
    for key, units, size in zip(keys, kept, sizes, strict=True):
        assert int(units.sum()) == max(size - num_dropped(size, sparsity), math.ceil(size / 10))
        assert key[units].min() >= key[~units].max() if not units.all() else True


@settings(SEEDED)
@given(sizes=SIZES, sparsity=st.floats(0, 0.9), seed=st.integers(0, 9))
def test_over_all_groups_exactly_the_fraction_goes_where_a_tenth_of_each_stays(sizes, sparsity, seed):
    groups = chain(sizes)
    kept = ChannelBudget(Global(), multiple=1).keep(keys_of(groups, seed), groups, sparsity)
    left = sum(math.ceil(size / 10) for size in sizes)
    assert sum(int(units.sum()) for units in kept) == max(sum(sizes) - num_dropped(sum(sizes), sparsity), left)
    assert all(units.sum() >= math.ceil(size / 10) for units, size in zip(kept, sizes, strict=True))


@settings(SEEDED)
@given(sizes=SIZES, channels=st.sampled_from([1, 4, 16]), sparsity=st.floats(0, 0.9), is_global=st.booleans())
def test_what_stays_is_a_multiple_or_all(sizes, channels, sparsity, is_global):
    groups = chain(sizes, channels)
    kept = ChannelBudget(Global() if is_global else PerLayer()).keep(keys_of(groups), groups, sparsity)
    for units, size in zip(kept, sizes, strict=True):
        number = int(units.sum())
        assert number == size or (number * channels) % 8 == 0
        if not is_global:
            exact = size - num_dropped(size * channels, sparsity) // channels
            assert abs(number - max(exact, math.ceil(size / 10))) * channels <= max(8, channels)


@pytest.mark.parametrize(("sparsity", "kept"), [(0.5, 32), (0.55, 32), (0.5625, 32), (0.6, 24), (0.9, 8), (0.0, 64)])
def test_the_nearest_multiple_stays(sparsity, kept):
    """Of 64: 32, 29, 28 (half-way: the larger), 26, 7 and 64."""
    groups = chain([64])
    assert int(ChannelBudget(PerLayer()).keep(keys_of(groups), groups, sparsity)[0].sum()) == kept


@pytest.mark.parametrize("counted", ["weights", "macs"])
def test_weights_and_multiplications_are_counted_as_they_will_be(counted):
    """No more goes than asked for, and one channel more would be too much."""
    dense, shares = dense_network("resnet-bottleneck"), []
    groups = Channels().groups(dense)
    keys = Channels().scores(magnitude(ScoringContext(dense)), groups)
    kept = ChannelBudget(Global(), counted, multiple=1).keep(keys, groups, 0.5)
    gone, total = sum(int((~units).sum()) for units in kept), sum(len(units) for units in kept)
    one_more = ChannelBudget(Global(), multiple=1).keep(keys, groups, (gone + 1) / total)
    for units in (kept, one_more):
        model = copy.deepcopy(dense)
        mask_channels(model, units)
        thin = model.shrink(channel_groups(model))
        macs = [count_macs(network.backbone, torch.rand(1, 3, SIDE, SIDE)).dense for network in (thin, dense)]
        shares.append(model.sparsity if counted == "weights" else 1 - macs[0] / macs[1])
    assert shares[0] <= 0.5 < shares[1]


@pytest.mark.parametrize("counted", ["weights", "macs"])
def test_each_group_loses_the_same_fraction_whatever_is_counted(counted):
    groups = chain([40, 20, 20])
    kept = ChannelBudget(PerLayer(), counted, multiple=1).keep(keys_of(groups), groups, 0.5)
    numbers = [int(units.sum()) for units in kept]
    assert numbers[0] == pytest.approx(2 * numbers[1], abs=1)
    assert numbers[1] == numbers[2] > 10


def test_excluded_layers_keep_all_channels_they_make_or_read():
    model = copy.deepcopy(dense_network("resnet"))
    excluded = "resnet.encoder.stages.0.layers.0.layer.1.convolution"
    budget = ChannelBudget(Excluding(PerLayer(), (excluded,)), multiple=1)
    Pruner(Channels(), budget).apply(model, random(ScoringContext(model, seed=1)), 0.3)
    assert model.masks()[excluded].all()
    groups = Channels().groups(model)
    gone = sum(int(units.sum()) for units in Channels().pruned(model))
    assert gone == pytest.approx(0.3 * sum(group.total for group in groups), abs=2)


@pytest.mark.parametrize("counted", ["channels", "weights", "macs"])
def test_what_is_left_beside_excluded_layers_can_go(counted):
    model = copy.deepcopy(dense_network("resnet"))
    pruner = Pruner(Channels(), ChannelBudget(Excluding(Global(), ("classifier*",)), counted, multiple=1))
    pruner.check(model, 0.5)
    pruner.apply(model, magnitude(ScoringContext(model)), 0.5)
    assert model.masks()["classifier.1"].all()
    assert sum(int(units.sum()) for units in Channels().pruned(model)) > 5


def test_units_that_are_gone_go_first_and_never_come_back():
    model = copy.deepcopy(dense_network("resnet"))
    pruner = Pruner(Channels(), ChannelBudget(PerLayer(), multiple=1))
    pruner.apply(model, random(ScoringContext(model, seed=1)), 0.25)
    first = Channels().pruned(model)
    pruner.apply(model, magnitude(ScoringContext(model)), 0.5)
    second = Channels().pruned(model)
    for before, after in zip(first, second, strict=True):
        assert not (before & ~after).any()
        assert int(after.sum()) == len(after) // 2


@pytest.mark.parametrize(
    ("budget", "sparsity", "message"),
    [
        (
            ChannelBudget(PerLayer()),
            0.95,
            r"sparsity 0.95 of the channels cannot be reached: [^\n]*; give at most 0.\d+",
        ),
        (
            ChannelBudget(PerLayer(), "macs"),
            0.999,
            r"sparsity 0.999 of the macs cannot be reached: [^\n]*; give at most 0.\d+",
        ),
        (
            ChannelBudget(PerLayer(), multiple=64),
            0.5,
            r"sparsity 0.5 of the channels cannot be reached: [^\n]*; lower --round_channels_to",
        ),
        (
            ChannelBudget(Excluding(PerLayer(), ("*layer.0.convolution",)), multiple=1),
            0.8,
            r"sparsity 0.8 of the channels cannot be reached: [^\n]*; give at most 0.27",
        ),
        (ChannelBudget(PerLayer()), 1.5, r"sparsity 1.5 is not a number in \[0, 1\)[^\n]*"),
    ],
)
def test_what_cannot_be_reached(budget, sparsity, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        Pruner(Channels(), budget).check(dense_network("resnet"), sparsity)


def test_a_mask_that_has_lost_more_is_refused():
    model = copy.deepcopy(dense_network("resnet"))
    pruner = Pruner(Channels(), ChannelBudget(PerLayer(), multiple=1))
    pruner.apply(model, magnitude(ScoringContext(model)), 0.5)
    pruner.check(model, 0.5)
    with pytest.raises(
        InputError, match=r"^sparsity 0.25 removes less of the channels than the 50.0% that are gone [^\n]*$"
    ):
        pruner.check(model, 0.25)
