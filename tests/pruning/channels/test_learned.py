"""Channels that are learned: what comes out is that of the mask, and each score gets the gradient of its whole channel."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from tests.helpers import pictures, same
from tests.pruning.channels.networks import REMOVABLE, SIDE, dense_network
from vpns_hf import VPNsForImageClassification
from vpns_hf.models import along
from vpns_hf.pruning import ChannelBudget, Channels, Global, PerLayer, Pruner
from vpns_hf.pruning.channels import LearnedChannels
from vpns_hf.pruning.criteria import ScoringContext, random, scaled_weight

BUDGETS = [ChannelBudget(PerLayer(), multiple=1), ChannelBudget(Global(), "weights", multiple=1)]


def started(model: VPNsForImageClassification, budget=BUDGETS[0], sparsity: float = 0.5) -> LearnedChannels:
    mask = Pruner(Channels(), budget).learn(model, scaled_weight(ScoringContext(model)), sparsity)
    mask.update()
    return mask


@pytest.mark.parametrize("family", REMOVABLE)
def test_what_comes_out_is_that_of_the_mask(family):
    model = copy.deepcopy(dense_network(family))
    mask = started(model)
    x = pictures(size=SIDE)
    with torch.no_grad():
        learning = model(x).logits
        mask.finish()
        torch.testing.assert_close(learning, model(x).logits, rtol=1e-5, atol=1e-5)
    assert {type(layer) for layer in model.modules()} == {type(layer) for layer in dense_network(family).modules()}
    assert not [name for name in model.state_dict() if name.endswith("scores")]


def gated(model: VPNsForImageClassification, gates: list[Tensor], x: Tensor) -> Tensor:
    """The logits of a network whose channels are multiplied by gates where they are read."""
    weights = {name: layer.weight.detach() for name, layer in model.masked_layers().items()}
    for group, gate in zip(Channels().groups(model), gates, strict=True):
        for side in group.of.readers:
            weight = weights[side.layer]
            weights[side.layer] = weight * along(side, gate).view(1, -1, *[1] * (weight.ndim - 2))
    tensors = {f"{name}.weight": weight for name, weight in weights.items()}
    return torch.func.functional_call(model.to_backbone().double(), tensors, (model.normalise(x),)).logits


@pytest.mark.parametrize("family", ["resnet", "vgg", "regnet", "vit", "mobilenetv2"])
def test_scores_get_the_gradient_of_a_gate_on_the_channel(family):
    """Of kept and of masked ones, times the sign of the score, in float64."""
    model = copy.deepcopy(dense_network(family)).double()
    mask = started(model)
    for place, scores in enumerate(mask.scores):
        scores.data = scores.data.double() * (-1 if place % 2 else 1)
    model.visual_prompt.requires_grad_(False)
    for layer in model.masked_layers().values():
        layer.weight.requires_grad_(False)
    x = pictures(size=SIDE).double()
    model.source_logits(x, prompted=False).pow(2).sum().backward()

    dense = copy.deepcopy(dense_network(family)).double()
    gates = [(~units).double().requires_grad_() for units in Channels().pruned(model)]
    gated(dense, gates, x).pow(2).sum().backward()
    for scores, gate in zip(mask.scores, gates, strict=True):
        torch.testing.assert_close(scores.grad, gate.grad * scores.sign())
    masked = torch.cat([gate.grad[gate == 0] for gate in gates])
    assert masked.count_nonzero() > 0, "masked channels must be able to come back"


@pytest.mark.parametrize("family", ["resnet", "regnet"])
def test_weights_that_move_as_well_get_the_gradient_of_the_masked_network(family):
    model = copy.deepcopy(dense_network(family)).double()
    mask = started(model)
    for scores in mask.scores:
        scores.data = scores.data.double()
    x = pictures(size=SIDE).double()
    model.source_logits(x, prompted=False).pow(2).sum().backward()
    learned = {name: layer.weight.grad for name, layer in model.masked_layers().items()}
    squares = dict(mask.squares())

    plain = copy.deepcopy(dense_network(family)).double()
    for name, layer in plain.masked_layers().items():
        layer.weight_mask.copy_(model.masks()[name])
    plain.source_logits(x, prompted=False).pow(2).sum().backward()
    for name, layer in plain.masked_layers().items():
        torch.testing.assert_close(learned[name], layer.weight.grad)
    for group, scores in zip(Channels().groups(model), mask.scores, strict=True):
        read = [plain.masked_layers()[side.layer].weight.grad.square() for side in group.of.readers]
        expected = sum(weight.transpose(0, 1).flatten(1).sum(1).view(group.of.size, -1).sum(1) for weight in read)
        torch.testing.assert_close(squares[scores], expected)


@pytest.mark.parametrize("budget", BUDGETS)
def test_masks_follow_the_scores(budget):
    model = copy.deepcopy(dense_network("resnet-bottleneck"))
    mask = started(model, budget)
    before = [entry.clone() for entry in mask.masks]
    optimizer = torch.optim.Adam(mask.scores, lr=0.3)
    generator = torch.Generator().manual_seed(5)
    for _ in range(5):
        for scores in mask.scores:
            scores.grad = torch.randn(scores.shape, generator=generator)
        optimizer.step()
        mask.update()
    kept = budget.keep([scores.detach().abs() for scores in mask.scores], Channels().groups(model), 0.5)
    expected = Channels().masks(kept, model)
    assert same(model.masks(), expected)
    assert any(not torch.equal(one, other) for one, other in zip(before, mask.masks, strict=True))


def test_what_is_gone_before_never_comes_back():
    model = copy.deepcopy(dense_network("resnet"))
    Pruner(Channels(), BUDGETS[0]).apply(model, random(ScoringContext(model, seed=1)), 0.25)
    gone = Channels().pruned(model)
    mask = started(model)
    for scores, units in zip(mask.scores, gone, strict=True):
        scores.data[units] = 100.0
    mask.update()
    assert all((after | ~before).all() for before, after in zip(gone, Channels().pruned(model), strict=True))


def test_what_is_gone_does_not_come_back_where_a_budget_rounds_up():
    """Three of 16 channels are gone, and of multiples of 8 all 16 would stay."""
    model = copy.deepcopy(dense_network("resnet"))
    units, scores = Channels(), random(ScoringContext(model, seed=1))
    Pruner(units, ChannelBudget(PerLayer(), multiple=1)).apply(model, scores, 0.2)
    gone = units.pruned(model)
    Pruner(units, ChannelBudget(PerLayer(), multiple=8)).learn(model, scores, 0.21).update()
    assert sum(int(group.sum()) for group in gone) > 0
    assert all((after | ~before).all() for before, after in zip(gone, units.pruned(model), strict=True))


def test_a_network_that_learns_is_copied_and_pickled():
    model = copy.deepcopy(dense_network("resnet"))
    started(model)
    x = pictures(size=SIDE)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x).logits, model(x).logits)
        shared = {id(layer.scores) for layer in other.masked_layers().values() if hasattr(layer, "scores")}
        assert len(shared) == len(Channels().groups(model))


def test_a_constant_of_a_masked_channel_is_read_by_nobody_and_its_parameters_rest():
    """A normalisation with an offset feeds a constant on, were it read; through momentum and decay zeros stay zeros."""
    model = copy.deepcopy(dense_network("resnet"))
    Pruner(Channels(), BUDGETS[0]).apply(model, random(ScoringContext(model, seed=1)), 0.5)
    x = pictures(size=SIDE)
    masked = model(x).logits
    layers = dict(model.backbone.named_modules())
    gone = [
        (layers[norm.layer], along(norm, units))
        for group, units in zip(Channels().groups(model), Channels().pruned(model), strict=True)
        for norm in group.of.norms
    ]
    with torch.no_grad():
        for norm, units in gone:
            norm.bias[units] += 100.0
    assert torch.equal(model(x).logits, masked)
    with torch.no_grad():
        for norm, units in gone:
            norm.bias[units], norm.weight[units] = 0.0, 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model(x, labels=torch.tensor([0, 1])).loss.backward()
        optimizer.step()
    assert all(not norm.weight[units].any() and not norm.bias[units].any() for norm, units in gone)
