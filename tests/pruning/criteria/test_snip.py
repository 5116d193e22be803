"""Connection sensitivity: hand-checked numbers, and that nothing but network and images has a part in it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.helpers import prune_at_random, same
from tests.pruning.criteria.scoring import context, hand_context, in_batches, kept, tf32
from tests.training_helpers import dense_model, random_batches
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import ScoringContext, snip


def test_hand_checked_shares_of_the_layers():
    sums = torch.stack([scores.abs().sum() for scores in snip(hand_context()).by_layer.values()])
    assert (sums / sums.sum()).tolist() == pytest.approx([0.544002, 0.455998], abs=1e-6)


@pytest.mark.parametrize(("sparsity", "expected"), [(0.7, [23, 17]), (0.9, [4, 10])])
def test_hand_checked_counts(sparsity, expected):
    scored = hand_context()
    Pruner().apply(scored.model, snip(scored), sparsity)
    assert kept(scored.model) == expected


def test_scores_are_the_weight_times_the_gradient_of_the_mean_loss():
    model = prune_at_random(dense_model()).eval()
    [batch] = random_batches(1, size=9)
    scores = snip(context(model, in_batches(*batch[:2], 4))).by_layer
    model.requires_grad_(True)
    model(batch.pixel_values, labels=batch.labels, prompted=True).loss.backward()
    for name, layer in model.masked_layers().items():
        expected = (layer.weight * layer.weight.grad).detach()
        torch.testing.assert_close(scores[name], expected, rtol=1e-4, atol=1e-7)


def scores_in_float64(size: int) -> tuple[VPNsForImageClassification, dict[str, Tensor]]:
    [batch] = random_batches(1, size=64)
    model = prune_at_random(dense_model(), sparsity=0.0).double()
    found = snip(context(model, in_batches(*batch[:2], size)))
    Pruner().apply(model, found, 0.7)
    return model, found.by_layer


def test_the_size_of_batches_has_no_part():
    (first, sevens), (second, whole) = scores_in_float64(7), scores_in_float64(64)
    assert same(first.masks(), second.masks())
    for name, scores in whole.items():
        assert scores.dtype == torch.float64
        torch.testing.assert_close(sevens[name], scores, rtol=1e-11, atol=1e-16)


def test_the_sum_over_processes_is_that_of_one():
    """Each share is scored by itself; the sums that cross between processes are those of the other share."""
    [batch] = random_batches(1, size=10)
    model = prune_at_random(dense_model()).double()
    whole = snip(context(model, [batch])).by_layer
    shares = [Batch(batch.pixel_values[rank::2], batch.labels[rank::2]) for rank in (0, 1)]
    sent: list[Tensor] = []

    def send(tensor: Tensor) -> Tensor:
        sent.append(tensor.clone())
        return tensor

    snip(ScoringContext(model, lambda: shares[1:], send))
    received = iter(sent)
    joined = snip(ScoringContext(model, lambda: shares[:1], lambda tensor: tensor + next(received))).by_layer
    for name, scores in whole.items():
        torch.testing.assert_close(joined[name], scores, rtol=1e-11, atol=1e-16)


def test_rows_that_only_fill_up_do_not_count():
    [batch] = random_batches(1, size=6)
    model = prune_at_random(dense_model()).double()
    filled = Batch(batch.pixel_values, batch.labels, torch.tensor([True] * 4 + [False] * 2))
    nothing = Batch(batch.pixel_values, batch.labels, torch.zeros(6, dtype=torch.bool))
    expected = snip(context(model, [Batch(batch.pixel_values[:4], batch.labels[:4])])).by_layer
    for batches in ([filled], [nothing, filled]):
        found = snip(context(model, batches)).by_layer
        for name, scores in expected.items():
            torch.testing.assert_close(found[name], scores, rtol=1e-11, atol=1e-16)


@pytest.fixture
def tf32_allowed():
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = before


def test_the_precision_of_training_has_no_part(tf32_allowed):
    model, seen = prune_at_random(dense_model()), []
    expected = snip(context(model, random_batches(2))).by_layer
    model.backbone.register_forward_hook(lambda module, inputs, output: seen.append((output.logits.dtype, tf32())))
    with torch.autocast("cpu", torch.bfloat16):
        found = snip(context(model, random_batches(2))).by_layer
    assert seen == [(torch.float32, [False, False])] * 2
    assert tf32()[0]
    assert same(found, expected)


def test_a_model_in_half_precision_is_scored_in_float32():
    scores = snip(context(prune_at_random(dense_model()).to(torch.bfloat16), random_batches(2))).by_layer
    assert {layer.dtype for layer in scores.values()} == {torch.float32}
    assert all(layer.isfinite().all() for layer in scores.values())
