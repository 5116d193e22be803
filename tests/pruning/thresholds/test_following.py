from __future__ import annotations

import copy
import math
import pickle
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.helpers import SEEDED
from tests.pruning.ranking import global_masks
from vpns_hf.errors import InputError
from vpns_hf.pruning import num_dropped
from vpns_hf.pruning.thresholds import HostSelector, MaskedWeights, WrittenLayers, undecided_entries, write_changes
from vpns_hf.pruning.thresholds import following as mask_changes
from vpns_hf.pruning.thresholds import host as host_selection

SHAPES = [(5, 3, 3, 3), (1,), (40, 7), (2, 0), (30, 10)]
TOTAL = sum(math.prod(shape) for shape in SHAPES)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    monkeypatch.setattr(mask_changes, "CHUNK", 64)
    monkeypatch.setattr(host_selection, "NEIGHBOURS", 20)


class Followed(HostSelector):
    """Counts how often the last masks were followed."""

    followed = 0

    def _follow(self, scores, layers):
        threshold = super()._follow(scores, layers)
        self.followed += threshold is not None
        return threshold


def some_layers(dtype: torch.dtype = torch.float32) -> MaskedWeights:
    weights = [torch.randn(shape).to(dtype) for shape in SHAPES]
    masks = [torch.randint(0, 2, weight.shape).bool() for weight in weights]
    return MaskedWeights(weights, masks, [torch.full_like(weight, 9.0) for weight in weights])


def some_scores() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape) for shape in SHAPES]


def moved(scores: list[Tensor], step: float) -> list[Tensor]:
    return [score + step * torch.randn(score.shape) for score in scores]


def assert_right(layers: MaskedWeights, scores: list[Tensor], sparsity: float) -> None:
    expected = global_masks(scores, sparsity)  # by a way that knows of nothing earlier
    for weight, mask, masked, right in zip(*vars(layers).values(), expected, strict=True):
        assert torch.equal(mask, right)
        assert torch.equal(masked, weight.masked_fill(~right, 0))
        assert not masked[~right].signbit().any()


def following(scores: list[Tensor], sparsity: float = 0.7, dtype: torch.dtype = torch.float32):
    """A selector that has written the masks of `scores`."""
    selector, layers = Followed(num_dropped(TOTAL, sparsity)), some_layers(dtype)
    selector.renew(scores, layers)
    return selector, layers


@pytest.mark.slow
@SEEDED
@given(
    thousandths=st.integers(0, 999),
    steps=st.lists(st.sampled_from([0.0, 1e-4, 1e-3, 1e-2, 0.3, 5.0]), min_size=1, max_size=6),
    decimals=st.sampled_from([0, 1, 2, 7]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float64]),
    seed=st.integers(0, 100),
)
def test_whatever_the_movement_masks_equal_those_of_a_new_selection(thousandths, steps, decimals, dtype, seed):
    torch.manual_seed(seed)
    scores = [torch.randn(shape) for shape in SHAPES]
    selector, layers = following(scores, thousandths / 1000, dtype)
    for step in steps:
        scores = [score.round(decimals=decimals) for score in moved(scores, step)]  # few decimals, many ties
        threshold, alone = selector.renew(scores, layers), HostSelector(selector.dropped).select(scores)
        assert (float(threshold), threshold.first_kept) == (float(alone), alone.first_kept)
        assert threshold.splits_ties == alone.splits_ties
        assert_right(layers, scores, thousandths / 1000)


def test_small_movements_are_followed_and_large_ones_are_not():
    scores = some_scores()
    selector, layers = following(scores)
    for _ in range(10):
        scores = moved(scores, 1e-3)
        selector.renew(scores, layers)
    assert selector.followed == 10
    selector.renew([5 * score for score in scores], layers)
    assert selector.followed == 10
    assert_right(layers, scores, 0.7)


@pytest.mark.parametrize("factor", [0.995, 1.005])
def test_a_threshold_that_drifts_is_followed(factor):
    scores = some_scores()
    selector, layers = following(scores)
    for _ in range(60):
        scores = [factor * score for score in scores]
        selector.renew(scores, layers)
    assert selector.followed == 60
    assert_right(layers, scores, 0.7)


def test_the_bracket_leaves_comparisons_in_float32(monkeypatch):
    brackets = []
    monkeypatch.setattr(
        host_selection, "undecided_entries", lambda *args: brackets.append(args[2:]) or undecided_entries(*args)
    )
    scores = some_scores()
    selector, layers = following(scores)
    for factor in (0.999, 0.998, 1.001):
        selector.renew([factor * score for score in scores], layers)
    assert [np.result_type(np.float32, bound) for pair in brackets for bound in pair] == [np.float32] * 6


def test_only_what_changes_is_written():
    scores = some_scores()
    selector, layers = following(scores)
    marks = [masked.numpy() for masked in layers.masked]  # NumPy writes unseen
    before = [mask.clone() for mask in layers.masks]
    for mark in marks:
        mark[...] = 123.0
    scores = moved(scores, 1e-2)
    selector.renew(scores, layers)
    assert sum(int((mask != old).sum()) for mask, old in zip(layers.masks, before, strict=True)) > 0
    for weight, mask, masked, old in zip(*vars(layers).values(), before, strict=True):
        assert torch.equal(masked, torch.where(mask == old, 123.0, weight * mask))


def test_undecided_is_what_the_bracket_does_not_confirm():
    #               dropped, dropped, dropped,      kept, kept, kept
    scores = [torch.tensor([-1.0, 2.0, -4.0]), torch.tensor([[-1.0, 3.0, 4.0], [2.0, 3.5, math.nan]])]
    masks = [torch.tensor([False, False, False]), torch.tensor([[True, True, True], [False, True, False]])]
    found = undecided_entries(scores, masks, 2.0, 3.0)
    assert found.positions.tolist() == [1, 2, 3, 4, 6, 8]
    assert np.array_equal(found.magnitudes, [2, 4, 1, 3, 2, math.nan], equal_nan=True)
    assert found.kept.tolist() == [False, False, True, True, False, False]


def test_changes_go_to_the_layer_they_belong_to():
    layers = some_layers()
    for mask, masked in zip(layers.masks, layers.masked, strict=True):
        mask.fill_(False)
        masked.zero_()
    scores = some_scores()
    entries = undecided_entries(scores, layers.masks, math.inf, math.inf)
    assert entries.positions.size == 0
    entries = undecided_entries(scores, layers.masks, 0.0, math.inf)
    assert entries.positions.tolist() == list(range(TOTAL))
    write_changes(entries, entries.magnitudes > 1, layers)
    for weight, score, mask, masked in zip(layers.weights, scores, layers.masks, layers.masked, strict=True):
        assert torch.equal(mask, score.abs() > 1)
        assert torch.equal(masked, weight * mask)


@pytest.mark.parametrize("position", [0, 150, TOTAL - 1])
def test_nan_is_refused_and_nothing_written(position):
    scores = some_scores()
    selector, layers = following(scores)
    before = copy.deepcopy(layers)
    scores = moved(scores, 1e-2)
    flat = torch.cat([score.flatten() for score in scores])
    flat[position] = math.nan
    broken = [part.view(shape) for part, shape in zip(flat.split([*map(math.prod, SHAPES)]), SHAPES, strict=True)]
    with pytest.raises(InputError, match="NaN"):
        selector.renew(broken, layers)
    for now, then in zip(vars(layers).values(), vars(before).values(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(now, then, strict=True))
    selector.renew(scores, layers)
    assert_right(layers, scores, 0.7)


EDITS = {
    "weights": lambda layers: layers.weights[2].mul_(2),
    "a mask": lambda layers: layers.masks[0].logical_not_(),
    "masked weights": lambda layers: layers.masked[4].fill_(7),
    "through a view": lambda layers: layers.masked[4].view(-1)[:5].zero_(),
    "another storage": lambda layers: setattr(layers.weights[2], "data", torch.randn(40, 7)),
    "another tensor": lambda layers: layers.masks.__setitem__(0, torch.ones(5, 3, 3, 3, dtype=torch.bool)),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_others_change_is_brought_up_to_date(edit):
    scores = some_scores()
    selector, layers = following(scores)
    edit(layers)
    selector.renew(scores, layers)
    assert selector.followed == 0
    assert_right(layers, scores, 0.7)


@pytest.mark.parametrize("which", ["scores", "weights", "masks", "masked"])
def test_another_memory_order_gives_the_same(which):
    scores = some_scores()
    selector, layers = Followed(num_dropped(TOTAL, 0.7)), some_layers()
    groups = {**vars(layers), "scores": scores}
    groups[which][0] = groups[which][0].to(memory_format=torch.channels_last)
    for _ in range(3):
        selector.renew(scores, layers)
        assert_right(layers, scores, 0.7)
        for score in scores:
            score.add_(torch.randn(score.shape), alpha=1e-2)
    assert selector.followed == 0


def test_scores_of_another_dtype_give_the_same():
    scores = [score.double() + 1e-12 for score in some_scores()]  # not to be had in float32
    selector, layers = following(scores)
    for _ in range(3):
        scores = [score + 1e-10 * torch.randn(score.shape, dtype=torch.float64) for score in scores]
        threshold = selector.renew(scores, layers)
        assert float(threshold) == float(HostSelector(selector.dropped).select(scores))
        assert_right(layers, scores, 0.7)


def test_autograd_learns_of_what_is_written():
    scores = some_scores()
    selector, layers = following(scores)
    inputs = torch.ones(40, 7, requires_grad=True)
    output = (inputs * layers.masked[2]).sum()
    selector.renew(moved(scores, 0.01), layers)
    assert selector.followed == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.backward()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copy_goes_on_alone(duplicate):
    scores = some_scores()
    selector, layers = duplicate(following(scores))
    scores = moved(scores, 1e-2)
    selector.renew(scores, layers)
    assert selector.followed == 0
    assert_right(layers, scores, 0.7)


def test_what_was_written_is_not_kept_alive():
    scores = some_scores()
    selector, layers = following(scores)
    mask = weakref.ref(layers.masks[0])
    layers.masks[0] = torch.ones(5, 3, 3, 3, dtype=torch.bool)
    assert mask() is None
    selector.renew(scores, layers)
    assert_right(layers, scores, 0.7)


def test_nothing_written_is_nothing_known():
    layers = some_layers()
    written = WrittenLayers()
    assert not written.are(layers)
    written.remember(layers)
    assert written.are(layers)
    assert not written.are(MaskedWeights([], [], []))
    assert not written.are(some_layers())
    assert not pickle.loads(pickle.dumps(written)).are(layers)
