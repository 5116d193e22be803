"""Gradient signal preservation: hand-checked numbers, and a reference that differentiates twice."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import SEEDED, prune_at_random, same
from tests.pruning.criteria.scoring import context, hand_context, in_batches, kept, masks_of
from tests.training_helpers import dense_model, random_batches
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import ScoringContext, grasp


def test_hand_checked_scores():
    first = grasp(hand_context()).by_layer["net.conv"].flatten()[:3].tolist()
    assert first == pytest.approx([3.1176166e-08, 4.1538276e-08, 6.2534596e-09], rel=5e-7)


@pytest.mark.parametrize(("sparsity", "expected"), [(0.7, [33, 7]), (0.9, [9, 5])])
def test_hand_checked_counts(sparsity, expected):
    scored = hand_context()
    Pruner().apply(scored.model, grasp(scored), sparsity)
    assert kept(scored.model) == expected


def double_backward(model: VPNsForImageClassification, batch: Batch) -> dict[str, Tensor]:
    """w * H g of one batch: half of the gradient of the squared norm of the gradient g."""
    layers = model.masked_layers()
    weights = [layer.weight for layer in layers.values()]
    model.requires_grad_(True)
    logits = model(batch.pixel_values.double(), prompted=True).logits
    loss = F.cross_entropy(logits / 200, batch.labels)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    products = torch.autograd.grad(sum(entry.square().sum() for entry in gradients) / 2, weights)
    return {
        name: (layer.masked() * product).detach()
        for (name, layer), product in zip(layers.items(), products, strict=True)
    }


@settings(SEEDED, max_examples=12)
@given(seed=st.integers(0, 1000), size=st.integers(1, 9), sparsity=st.sampled_from([0.0, 0.6]))
def test_a_float32_network_gets_the_mask_of_the_float64_reference(seed, size, sparsity):
    [batch] = random_batches(1, size=9, seed=seed)
    model = prune_at_random(dense_model(), sparsity)
    expected = double_backward(prune_at_random(dense_model(), sparsity).double().eval(), batch)
    scores = grasp(context(model, in_batches(*batch[:2], size)))
    assert not scores.by_magnitude
    for name, entry in expected.items():
        assert scores.by_layer[name].dtype == torch.float64
        torch.testing.assert_close(scores.by_layer[name], entry, rtol=1e-8, atol=1e-9 * float(entry.abs().max()))


def test_the_largest_signed_scores_stay():
    model = dense_model()
    scores = grasp(context(model, random_batches(2)))
    Pruner().apply(model, scores, 0.3)
    stays = torch.cat([scores.by_layer[name][mask] for name, mask in model.masks().items()])
    goes = torch.cat([scores.by_layer[name][~mask] for name, mask in model.masks().items()])
    assert goes.max() <= stays.min()
    assert goes.min() < 0 < stays.max()


def test_the_size_of_batches_and_the_number_of_processes_have_no_part():
    [batch] = random_batches(1, size=64)
    found = []
    for size in (7, 64):
        model = dense_model()
        Pruner().apply(model, grasp(context(model, in_batches(*batch[:2], size))), 0.7)
        found.append(masks_of(model))
    assert same(*found)


def test_rows_that_only_fill_up_do_not_count_and_shares_of_processes_add_up():
    [batch] = random_batches(1, size=10)
    model = prune_at_random(dense_model())
    whole = grasp(context(model, [batch])).by_layer
    filled = Batch(batch.pixel_values[:6], batch.labels[:6], torch.tensor([True] * 5 + [False]))
    share = [filled, Batch(batch.pixel_values[5:], batch.labels[5:])]
    joined = grasp(ScoringContext(model, lambda: share, lambda tensor: 3 * tensor)).by_layer  # of three alike
    for name, scores in whole.items():
        torch.testing.assert_close(joined[name], scores, rtol=1e-8, atol=1e-9 * float(scores.abs().max()))


def test_attention_can_be_differentiated_twice():
    torch.manual_seed(0)
    backbone = AutoModelForImageClassification.from_config(FAMILIES["vit"], attn_implementation="sdpa")
    model = VPNsForImageClassification.from_backbone(backbone, image_size=32, prompt_size=2)
    images = torch.rand(2, 3, 32, 32)
    scores = grasp(context(model, [Batch(images, torch.tensor([0, 3]))])).by_layer
    assert all(layer.isfinite().all() for layer in scores.values())
    assert all((layer != 0).any() for layer in scores.values())
