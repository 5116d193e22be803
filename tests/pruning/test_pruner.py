"""Masks for good, for a while, and to be learned from there."""

from __future__ import annotations

import math

import pytest
import torch

from tests.helpers import copied, prune_at_random, refusal, same
from tests.pruning.criteria.scoring import kept
from tests.training_helpers import dense_model, plain_hand_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.errors import InputError
from vpns_hf.pruning import Global, LikeAnother, PerLayer, Pruner, num_dropped
from vpns_hf.pruning.budget import sparsity_of
from vpns_hf.pruning.criteria import Scores, ScoringContext, magnitude, random


def scores_of(model: VPNsForImageClassification, seed: int = 0) -> Scores:
    return random(ScoringContext(model, seed=seed))


@pytest.mark.parametrize(("budget", "expected"), [(Global(), [25, 15]), (PerLayer(), [33, 8])])
def test_hand_checked_counts_of_magnitudes(budget, expected):
    model = plain_hand_model()
    Pruner(budget=budget).apply(model, magnitude(ScoringContext(model)), 0.7)
    assert kept(model) == expected


def test_masks_for_a_while_are_taken_back():
    model = prune_at_random(dense_model())
    before = copied(model.masks())
    with Pruner().applied(model, scores_of(model), 0.9):
        assert model.sparsity == pytest.approx(0.9, abs=1e-3)
        assert not same(model.masks(), before)
    assert same(model.masks(), before)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_masks_for_a_while_are_taken_back_when_the_block_raises(error):
    model = prune_at_random(dense_model())
    before = copied(model.masks())
    with pytest.raises(error), Pruner().applied(model, scores_of(model), 0.9):
        raise error
    assert same(model.masks(), before)


def test_scores_that_cannot_be_ranked_change_nothing():
    model = dense_model()
    before, scores = copied(model.masks()), scores_of(model)
    scores.by_layer["classifier.1"][0, 0] = math.nan
    for act in (lambda: Pruner().apply(model, scores, 0.9), lambda: Pruner().applied(model, scores, 0.9).__enter__()):
        with pytest.raises(InputError, match="NaN"):
            act()
        assert same(model.masks(), before)


@pytest.mark.parametrize("budget", [Global(), PerLayer()])
def test_what_is_pruned_never_comes_back(budget):
    model = dense_model()
    pruner, total = Pruner(budget=budget), sum(kept(model))
    before = copied(model.masks())
    for number, sparsity in enumerate([0.2, 0.5, 0.3, 0.9]):
        pruner.apply(model, scores_of(model, seed=number), sparsity)
        assert all((~before[name] <= ~mask).all() for name, mask in model.masks().items())
        before = copied(model.masks())
        if budget.name == "global":
            assert total - sum(kept(model)) == num_dropped(total, max(sparsity, 0.5 if number == 2 else 0.0))


def test_what_is_pruned_goes_before_what_merely_goes_first():
    """Of 10 weights the last 3 are pruned and the first 5 are to go first: one more goes, none comes back."""
    model = plain_hand_model()
    for mask in model.masks().values():
        mask.fill_(True)
    name, other = model.masks()
    model.masks()[other].view(-1)[-3:] = False
    first = {layer: torch.ones_like(mask, dtype=torch.float32) for layer, mask in model.masks().items()}
    first[name].view(-1)[:5] = -math.inf
    Pruner().apply(model, Scores(first), 4.5 / 132)
    assert kept(model) == [107, 21]
    assert not model.masks()[other].view(-1)[-3:].any()


def test_a_mask_is_learned_from_scores_with_storage_of_their_own():
    model = plain_hand_model()
    scores = magnitude(ScoringContext(model))
    scores.by_layer["net.conv"][0] = -math.inf
    learned = Pruner().learn(model, scores, 0.7)
    assert all(layer.dtype == torch.float32 for layer in learned.scores)
    assert (learned.scores[0][0] == 0).all()
    assert torch.equal(learned.scores[1], scores.by_layer["net.linear"])
    with torch.no_grad():
        for layer in learned.scores:
            layer.fill_(7.0)
    assert not (scores.by_layer["net.linear"] == 7).any()


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.7, 0.99])
def test_a_mask_that_is_learned_per_layer_loses_the_same_share_everywhere(sparsity):
    model = dense_model()
    learned = Pruner(budget=PerLayer()).learn(model, magnitude(ScoringContext(model)), sparsity)
    learned.update()
    sizes = [mask.numel() for mask in learned.masks]
    assert kept(model) == [size - num_dropped(size, sparsity) for size in sizes]
    fixed = dense_model()
    Pruner(budget=PerLayer()).apply(fixed, magnitude(ScoringContext(fixed)), sparsity)
    assert same(model.masks(), fixed.masks())


def like(model: VPNsForImageClassification, **changes: tuple[int, int]) -> LikeAnother:
    return LikeAnother({name: (int(mask.sum()), mask.numel()) for name, mask in model.masks().items()} | changes)


def test_as_many_weights_in_each_layer_as_in_another_network():
    other, model = dense_model(), dense_model()
    Pruner().apply(other, magnitude(ScoringContext(other)), 0.9)
    Pruner(budget=like(other)).apply(model, scores_of(model), 0.9)
    assert kept(model) == kept(other)
    assert not same(model.masks(), other.masks())


def test_a_network_of_other_layers_cannot_be_like():
    model = plain_hand_model()
    said = refusal(Pruner(budget=like(dense_model())).apply, model, scores_of(model), 0.5)
    assert "net.conv has no weights there and 108 here; give a run of the same network" in said


def test_another_sparsity_than_that_of_the_network_to_be_like_is_refused():
    other, model = dense_model(), dense_model()
    Pruner().apply(other, magnitude(ScoringContext(other)), 0.9)
    with pytest.raises(
        InputError, match=r"sparsity 0\.7 removes 3250 of 4644 .* has lost 4179; give --sparsities 0\.9$"
    ):
        Pruner(budget=like(other)).apply(model, scores_of(model), 0.7)
    assert model.sparsity == 0


@pytest.mark.parametrize("total", [1, 7, 4644, 11_678_912])
def test_the_shortest_sparsity_that_removes_so_many(total):
    for dropped in {0, total // 3, total // 2, 9 * total // 10, total - 1}:
        assert num_dropped(total, float(sparsity_of(dropped, total))) == dropped
    assert str(sparsity_of(9 * 4644 // 10, 4644)) == "0.9"
