"""Layers that stay dense while the sparsity is that of all."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED, refusal
from vpns_hf import InputError
from vpns_hf.pruning import SCOPES, Excluding, UnitGroup, num_dropped


def groups_of(*sizes: int) -> list[UnitGroup]:
    return [UnitGroup(f"layer.{place}", (size,)) for place, size in enumerate(sizes)]


def kept(groups: list[UnitGroup], scope: str, sparsity: float, *patterns: str) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    keys = [torch.rand(group.shape, generator=generator) for group in groups]
    masks = Excluding(SCOPES[scope], patterns).keep(keys, groups, sparsity)
    return [int(mask.sum()) for mask in masks]


@SEEDED
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    place=st.integers(0, 4),
    thousandths=st.integers(0, 999),
)
def test_the_count_is_that_of_all_layers(sizes, place, thousandths):
    groups, name = groups_of(*sizes), f"layer.{place % len(sizes)}"
    dropped, rest = num_dropped(sum(sizes), thousandths / 1000), sum(sizes) - sizes[place % len(sizes)]
    if dropped >= rest:
        with pytest.raises(InputError, match=rf"^sparsity [^\n]* the layers that are not excluded have {rest}; lower"):
            kept(groups, "global", thousandths / 1000, name)
        return
    found = kept(groups, "global", thousandths / 1000, name)
    assert found[place % len(sizes)] == sizes[place % len(sizes)]
    assert sum(found) == sum(sizes) - dropped


def test_each_of_the_other_layers_loses_the_same_share():
    """60 of 100 weights go, which is three quarters of the 80 that may."""
    assert kept(groups_of(20, 40, 40), "layer", 0.6, "layer.0") == [20, 10, 10]
    assert kept(groups_of(40, 20, 40), "layer", 0.6, "*.1") == [10, 20, 10]


def test_pools_name_places_of_all_groups():
    pools = Excluding(SCOPES["global"], ("layer.[02]",)).pools(groups_of(5, 10, 5, 10), 0.5)
    assert sorted(place for pool in pools for place in pool.members) == [0, 1, 2, 3]
    assert [(pool.members, pool.dropped) for pool in pools] == [((1, 3), 15), ((0,), 0), ((2,), 0)]
    assert pools[0].dropped == math.floor(0.5 * 30)


def test_a_pattern_that_matches_nothing_is_refused_with_the_names():
    said = refusal(kept, groups_of(3, 4), "global", 0.1, "layer.1", "stem")
    assert said == "exclude is 'stem', which no layer is called; the layers are layer.0, layer.1"


def test_without_any_other_layer_there_is_nothing_to_prune():
    with pytest.raises(
        InputError, match="the layers that are not excluded have 0; lower the sparsity or exclude less"
    ):
        kept(groups_of(3, 4), "global", 0.1, "*")
