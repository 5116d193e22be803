from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from tests.helpers import hand_layers, learn
from tests.layers import PLAIN_LAYERS, Doubled, inputs_of, masked_copy, plain_layer, run_plain
from vpns_hf.models.masked_layers import skipped_layers
from vpns_hf.pruning import LearnedLayer, start_scores


@pytest.fixture(params=PLAIN_LAYERS)
def plain(request) -> nn.Module:
    return plain_layer(request.param)


def test_scores_get_the_straight_through_gradient(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    scores = torch.randn(plain.weight.shape, generator=torch.Generator().manual_seed(3))
    scores.view(-1)[0] = 0.0
    mask = learn({"layer": layer}, 0.5, {"layer": scores})
    mask.update()
    layer.weight.requires_grad_(False)
    effective = (plain.weight * layer.weight_mask).detach().requires_grad_()
    expected_output = run_plain(plain, effective, x)
    expected_output.pow(2).sum().backward()
    output = layer(x)
    output.pow(2).sum().backward()
    assert torch.equal(output, expected_output)
    assert torch.allclose(layer.scores.grad, effective.grad * plain.weight.detach() * scores.sign())
    assert layer.scores.grad[~layer.weight_mask].count_nonzero() > 0, "pruned weights must be able to come back"
    assert layer.scores.grad.view(-1)[0] == 0
    assert layer.weight.grad is None


def test_inputs_get_the_gradient_of_the_masked_layer(plain):
    layer = masked_copy(plain)
    learn({"layer": layer}, 0.5, {"layer": torch.randn(plain.weight.shape)}).update()
    x, again = inputs_of(plain).requires_grad_(), inputs_of(plain).requires_grad_()
    layer(x).pow(2).sum().backward()
    run_plain(plain, plain.weight * layer.weight_mask, again).pow(2).sum().backward()
    assert torch.allclose(x.grad, again.grad)


def test_gradients_add_up_over_two_uses(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    learn({"layer": layer}, 0.5, {"layer": torch.randn(plain.weight.shape)}).update()
    layer(x).pow(2).sum().backward()
    once = layer.scores.grad.clone()
    layer(x).pow(2).sum().backward()
    assert torch.allclose(layer.scores.grad, 2 * once)


def test_scores_of_a_bfloat16_layer_have_float32_gradients():
    layer = masked_copy(nn.Linear(8, 5).to(torch.bfloat16))
    learn({"layer": layer}, 0.5, {"layer": torch.randn(5, 8)}).update()
    layer(inputs_of(layer).to(torch.bfloat16)).float().pow(2).sum().backward()
    assert layer.scores.dtype == layer.scores.grad.dtype == torch.float32
    assert layer.scores.grad.isfinite().all()


def test_an_update_follows_changed_scores_and_weights(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    mask = learn({"layer": layer}, 0.5, {"layer": torch.rand(plain.weight.shape) + 1})
    mask.update()
    before = layer.weight_mask.clone()
    with torch.no_grad():
        layer.scores.copy_(layer.scores.reciprocal())
        layer.weight.mul_(2)
    mask.update()
    assert not torch.equal(layer.weight_mask, before)
    assert torch.equal(layer(x), run_plain(plain, 2 * plain.weight * layer.weight_mask, x))


def test_the_mask_outlives_the_scores(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    mask = learn({"layer": layer}, 0.5, {"layer": torch.randn(plain.weight.shape)})
    mask.update()
    kept, output = layer.weight_mask.clone(), layer(x)
    mask.finish()
    assert not isinstance(layer, LearnedLayer)
    assert torch.equal(layer.weight_mask, kept)
    assert torch.equal(layer(x), output)
    assert "scores" not in dict(layer.named_parameters())
    assert not {"scores", "masked_weight"} & layer.state_dict().keys()


def test_scores_do_not_appear_among_the_skipped_layers():
    net, layers = hand_layers()
    before = skipped_layers(net)
    learn(layers, 0.5, {name: layer.weight.detach().clone() for name, layer in layers.items()}).update()
    assert skipped_layers(net) == before
    assert set(before) == {"norm"}


def test_scores_of_a_derived_layer_are_learned():
    layer = masked_copy(Doubled(8, 5))
    start_scores(layer, torch.rand(layer.weight.shape))
    layer(inputs_of(layer)).sum().backward()
    assert (layer.scores.grad != 0).all()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("build", [*PLAIN_LAYERS.values(), lambda: Doubled(8, 5)], ids=[*PLAIN_LAYERS, "derived"])
def test_a_copy_that_learns_is_equal_and_its_own(build, duplicate):
    layer = masked_copy(build())
    x = inputs_of(layer)
    learn({"layer": layer}, 0.5, {"layer": torch.randn(layer.weight.shape)}).update()
    copied = duplicate(layer)
    output = layer(x)
    assert torch.equal(copied(x), output)
    with torch.no_grad():
        copied.masked_weight.zero_()
        copied.scores.zero_()
    assert torch.equal(layer(x), output)
    assert layer.scores.count_nonzero()


def test_afterwards_a_layer_is_of_the_class_it_was():
    layer = masked_copy(Doubled(8, 5))
    before = type(layer)
    mask = learn({"layer": layer}, 0.5, {"layer": torch.randn(layer.weight.shape)})
    assert isinstance(layer, LearnedLayer)
    mask.finish()
    assert type(layer) is before
