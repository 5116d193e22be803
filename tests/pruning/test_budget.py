from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED
from tests.pruning.ranking import global_masks, masks_of
from vpns_hf.errors import InputError
from vpns_hf.pruning import SCOPES, Global, UnitGroup, num_dropped
from vpns_hf.pruning.thresholds import make_selector, write_masks


def kept(masks: list[torch.Tensor]) -> tuple[int, ...]:
    return tuple(int(mask.sum()) for mask in masks)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("layer", [[False, False, True, True], [False, True, True]]),
        ("global", [[True, True, True, True], [False, False, False]]),
    ],
)
def test_layers_are_ranked_apart_or_together(scope, expected):
    scores = [torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([0.1, 0.2, 0.3])]
    assert [mask.flatten().tolist() for mask in masks_of(SCOPES[scope], scores, 0.5)] == expected


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_each_scope_keeps_everything_at_zero_and_takes_no_layers(scope):
    assert kept(masks_of(scope, [torch.zeros(3), torch.ones(2, 2)], 0.0)) == (3, 4)
    assert masks_of(scope, [], 0.5) == []


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_each_scope_refuses_an_impossible_sparsity_and_nan(scope):
    with pytest.raises(InputError, match="sparsity"):
        masks_of(scope, [torch.ones(3)], 1.0)
    with pytest.raises(InputError, match="NaN"):
        masks_of(scope, [torch.tensor([1.0, math.nan, 2.0])], 0.5)


SHAPES = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=5)


@SEEDED
@given(
    shapes=SHAPES,
    seed=st.integers(0, 999),
    decimals=st.sampled_from([None, 1, 0]),  # rounded scores tie, and many are 0
    dtype=st.sampled_from([torch.float32, torch.float64]),
    share=st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(9, 10), Fraction(1)]),
    device=st.sampled_from(["cpu", "cuda"]),
)
def test_the_general_path_keeps_what_the_fast_path_keeps(shapes, seed, decimals, dtype, share, device):
    generator = torch.Generator().manual_seed(seed)
    scores = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    scores = scores if decimals is None else [layer.round(decimals=decimals) for layer in scores]
    if dtype == torch.float64:  # what tells some apart is not to be had in float32
        scores = [layer + 1e-12 * torch.randint(3, layer.shape, generator=generator) for layer in scores]
    total = sum(layer.numel() for layer in scores)
    dropped = min(math.floor(share * total), total - 1)
    masks = [torch.empty(shape, dtype=torch.bool) for shape in shapes]
    # the selector of either device runs on tensors in main memory
    write_masks(scores, make_selector(dropped, device).select(scores), masks)
    general = global_masks(scores, Fraction(dropped, total))
    assert all(torch.equal(*pair) for pair in zip(general, masks, strict=True))
    assert sum(kept(general)) == total - dropped


@SEEDED
@given(
    shapes=SHAPES,
    seed=st.integers(0, 999),
    sparsity=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999]),
    scope=st.sampled_from(sorted(SCOPES)),
)
def test_counts_are_exact_and_masks_nested_with_ties_in_each_scope(shapes, seed, sparsity, scope):
    generator = torch.Generator().manual_seed(seed)
    scores = [torch.randint(-2, 3, shape, generator=generator).float() for shape in shapes]
    masks = masks_of(SCOPES[scope], scores, sparsity)
    sizes = [layer.numel() for layer in scores]
    expected = sum(sizes) - num_dropped(sum(sizes), sparsity)
    if scope == "layer":
        assert kept(masks) == tuple(size - num_dropped(size, sparsity) for size in sizes)
    else:
        assert sum(kept(masks)) == expected
    for layer, smaller in zip(masks, masks_of(SCOPES[scope], scores, min(sparsity + 0.05, 0.9995)), strict=True):
        assert not (smaller & ~layer).any()


def test_a_key_of_minus_infinity_goes_first_whatever_the_others_are():
    keys = [torch.tensor([-1e30, 3.0, -math.inf]), torch.tensor([-math.inf, -2.0])]
    groups = [UnitGroup("a", (3,)), UnitGroup("b", (2,))]
    first, second = Global().keep(keys, groups, 0.6)
    assert first.tolist() == [False, True, False]
    assert second.tolist() == [False, True]


@SEEDED
@given(seed=st.integers(0, 999), costs=st.lists(st.integers(1, 9), min_size=1, max_size=4), percent=st.integers(0, 99))
def test_units_of_several_weights_count_as_the_weights_they_remove(seed, costs, percent):
    generator = torch.Generator().manual_seed(seed)
    keys = [torch.rand(5, generator=generator) for _ in costs]
    groups = [UnitGroup(str(place), (5,), cost) for place, cost in enumerate(costs)]
    masks = Global().keep(keys, groups, percent / 100)
    removed = sum(int((~mask).sum()) * cost for mask, cost in zip(masks, costs, strict=True))
    asked = num_dropped(5 * sum(costs), percent / 100)
    assert asked - max(costs) < removed <= asked
    flat, stays = torch.cat(keys), torch.cat(masks)
    assert stays.all() or flat[~stays].max() < flat[stays].min()
