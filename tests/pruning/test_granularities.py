"""Kernels and N of M: which weights go, exactly, once for all and while they are learned."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from tests.helpers import Layers
from tests.layers import inputs_of, masked_copy
from tests.training_helpers import dense_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.errors import InputError
from vpns_hf.models.masked_layers import mask_layers, masked_layers
from vpns_hf.pruning import Global, Granularity, Kernels, NOfM, PerLayer, Pruner, Weights, num_dropped, start_scores
from vpns_hf.pruning.criteria import Scores, ScoringContext, magnitude, random, scaled_weight
from vpns_hf.pruning.learned_units import LearnedUnits

NAMES = ("kernel", "2:4", "1:4", "4:8")


def pruner(name: str) -> Pruner:
    granularity = Granularity.named(name)
    return Pruner(granularity.units, granularity.pattern or Global())


def layers_of(*plain: nn.Module) -> Layers:
    mask_layers(holder := nn.Sequential(*plain))
    return Layers(dict(masked_layers(holder)))


def scores_of(layers: Layers, values: int = 0) -> Scores:
    """Random scores, of few different values where a number of them is given."""
    generator = torch.Generator().manual_seed(0)
    shapes = {name: mask.shape for name, mask in layers.masks().items()}
    if values:
        drawn = {name: torch.randint(values, shape, generator=generator).float() for name, shape in shapes.items()}
    else:
        drawn = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    return Scores(drawn)


@given(
    kept=st.integers(1, 4), more=st.integers(1, 4), parts=st.integers(1, 3), side=st.integers(1, 3), ties=st.booleans()
)
def test_exactly_n_of_every_m_inputs_stay_and_they_are_the_highest(kept, more, parts, side, ties):
    of = kept + more
    layers = layers_of(nn.Conv2d(of * parts, 3, side), nn.Linear(of * parts, 2))
    scores = scores_of(layers, values=2 if ties else 0)
    Pruner(budget=NOfM(kept, of)).apply(layers, scores, more / of)
    for name, mask in layers.masks().items():
        groups, keys = mask.unflatten(1, (parts, of)), scores.by_layer[name].unflatten(1, (parts, of))
        assert (groups.sum(2) == kept).all()
        lowest_kept = keys.masked_fill(~groups, math.inf).amin(2)
        assert (lowest_kept >= keys.masked_fill(groups, -math.inf).amax(2)).all()


def test_of_equals_the_earlier_goes():
    layers = layers_of(nn.Linear(4, 1))
    Pruner(budget=NOfM(2, 4)).apply(layers, Scores({"0": torch.ones(1, 4)}), 0.5)
    assert layers.masks()["0"].tolist() == [[False, False, True, True]]


def test_layers_that_the_pattern_does_not_fit_stay_dense():
    layers = layers_of(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(8, 8, 3), nn.Linear(8, 6))
    pattern = NOfM(2, 4, exclude=("3",))
    groups = Weights().groups(layers)
    assert pattern.unfit(groups) == {"0": "3 inputs, no multiple of 4", "1": "its channels are in groups"}
    Pruner(budget=pattern).apply(layers, scores_of(layers), 0.5)
    masks = layers.masks()
    assert [bool(mask.all()) for mask in masks.values()] == [True, True, False, True]
    assert pattern.removed(groups) == 8 * 8 * 9 // 2 == int((~masks["2"]).sum())


def test_a_mask_that_has_lost_more_than_the_pattern_is_refused():
    layers = layers_of(nn.Linear(8, 2))
    layers.masks()["0"][1, 4:7] = False
    with pytest.raises(
        InputError, match=r"^granularity 2:4 keeps 2 of every 4 weights, but layer 0 has lost 3 of 4 [^\n]*$"
    ):
        pruner("2:4").check(layers, 0.5)
    pruner("1:4").check(layers, 0.75)


@given(sparsity=st.floats(0, 0.99), per_layer=st.booleans(), ties=st.booleans())
def test_kernels_go_whole_and_their_weights_are_no_more_than_asked_for(sparsity, per_layer, ties):
    layers = layers_of(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 4, 1), nn.Conv2d(4, 4, (5, 1), groups=4), nn.Linear(4, 3))
    budget = PerLayer() if per_layer else Global()
    Pruner(Kernels(), budget).apply(layers, scores_of(layers, values=2 if ties else 0), sparsity)
    removed, total = [], []
    for mask in layers.masks().values():
        cells = mask.flatten(2) if mask.ndim > 2 else mask.unsqueeze(2)
        assert torch.equal(cells.all(2), cells.any(2))
        removed, total = [*removed, int((~mask).sum())], [*total, mask.numel()]
    if per_layer:
        costs = [9, 1, 5, 1]
        expected = [num_dropped(size, sparsity) // cost * cost for size, cost in zip(total, costs, strict=True)]
        assert removed == expected
    else:
        assert 0 <= num_dropped(sum(total), sparsity) - sum(removed) < 9


def test_the_score_of_a_kernel_is_the_mean_of_its_weights():
    """By sums the kernel of nine weights would stay and that of one go."""
    layers = layers_of(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 1))
    scores = Scores({"0": torch.full((1, 1, 3, 3), 0.5), "1": torch.ones(1, 1, 1, 1)})
    Pruner(Kernels()).apply(layers, scores, 0.9)
    assert [int(mask.sum()) for mask in layers.masks().values()] == [0, 1]


def test_a_mask_of_parts_of_kernels_is_refused():
    layers = layers_of(nn.Conv2d(2, 2, 3))
    layers.masks()["0"][0, 1, 0, 2] = False
    with pytest.raises(InputError, match=r"^the mask of layer 0 removes parts of units of 9 weights[^\n]*$"):
        pruner("kernel").check(layers, 0.5)


def test_kernels_that_are_gone_go_first_and_never_come_back():
    layers = layers_of(nn.Conv2d(4, 4, 3))
    layers.masks()["0"][:2] = False
    highest = Scores({"0": torch.linspace(1, 0, 144).view(4, 4, 3, 3)})
    pruner("kernel").apply(layers, highest, 0.5)
    assert layers.masks()["0"][2:].all()
    assert not layers.masks()["0"][:2].any()


def test_what_is_gone_in_a_layer_that_the_pattern_leaves_dense_does_not_come_back():
    """Neither where the pattern does not fit, nor where the layer is excluded."""
    model = dense_model()
    Pruner().apply(model, random(ScoringContext(model)), 0.3)
    gone = {name: ~mask for name, mask in model.masks().items()}
    pattern = NOfM(1, 4, exclude=("classifier.1",))
    dense = pattern.dense(Weights().groups(model))
    assert any(gone[name].any() for name in dense - {"classifier.1"})
    assert gone["classifier.1"].any()
    Pruner(budget=pattern).learn(model, magnitude(ScoringContext(model)), 0.75).update()
    assert not any((model.masks()[name] & gone[name]).any() for name in gone)


def test_a_random_mask_keeps_the_same_share_of_kernels_of_all_sizes():
    """By means, kernels of 49 weights would all lie between those of one."""
    layers = layers_of(nn.Conv2d(40, 40, 7), nn.Conv2d(40, 40, 3), nn.Conv2d(40, 40, 1), nn.Linear(40, 40))
    Pruner(Kernels()).apply(layers, random(ScoringContext(layers, seed=3)), 0.9)
    shares = [float(mask.float().mean()) for mask in layers.masks().values()]
    assert all(0.07 < share < 0.13 for share in shares), shares  # three standard deviations of 1,600 draws, and more


@pytest.mark.parametrize("name", ["kernel", "filter"])
@pytest.mark.parametrize("trains_weight", [False, True])
@pytest.mark.parametrize("plain", [lambda: nn.Conv2d(4, 6, 3, padding=1), lambda: nn.Conv2d(4, 6, 3, groups=2)])
def test_scores_of_larger_units_get_the_summed_gradient(plain, name, trains_weight):
    """With S at 1 and -1, whose sign the gradient of a gate of ones has to be multiplied by."""
    layer = masked_copy(plain().double())
    x, weight = inputs_of(layer).double(), layer.weight.detach().clone()
    layer.weight.requires_grad_(trains_weight)
    shape = (*weight.shape[: 2 if name == "kernel" else 1], *(1,) * (2 if name == "kernel" else 3))
    signs = torch.randint(2, shape, generator=torch.Generator().manual_seed(3)).double() * 2 - 1
    start_scores(layer, signs.clone())
    layer(x).pow(2).sum().backward()

    gate = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    masked = (weight * layer.weight_mask).requires_grad_()
    output = functional_call(plain().double(), {"weight": masked, "bias": layer.bias.detach()}, (x,))
    (gradient,) = torch.autograd.grad(output.pow(2).sum(), [masked])
    (weight * gate).backward(gradient)
    torch.testing.assert_close(layer.scores.grad, gate.grad * signs)
    if trains_weight:
        torch.testing.assert_close(layer.weight.grad, gradient * layer.weight_mask)


def learned(model: VPNsForImageClassification, mask, steps: int = 20) -> list[Tensor]:
    """The mask after so many steps of Adam towards scores that are drawn anew."""
    optimizer = torch.optim.Adam(mask.scores, lr=0.1)
    generator = torch.Generator().manual_seed(5)
    for _ in range(steps):
        mask.update()
        for scores in mask.scores:
            scores.grad = torch.randn(scores.shape, generator=generator)
        optimizer.step()
    mask.update()
    assert all(torch.equal(layer.masked_weight, layer.masked()) for layer in model.masked_layers().values())
    return [found.clone() for found in mask.masks]


@pytest.mark.slow
@pytest.mark.parametrize("budget", [Global(), PerLayer()])
@pytest.mark.parametrize("started", [False, True])
def test_the_general_path_learns_the_masks_of_the_fast_one(budget, started):
    masks = []
    for general in (False, True):
        model = dense_model()
        if started:
            Pruner().apply(model, random(ScoringContext(model, seed=1)), 0.3)
        scores = scaled_weight(ScoringContext(model))
        if general:
            pruned = Weights().pruned(model) if started else []
            starts = Weights().starts(scores.by_layer, Weights().groups(model))
            mask = LearnedUnits(model, Weights(), budget, 0.7, starts, pruned)
        else:
            mask = Pruner(budget=budget).learn(model, scores, 0.7)
            assert not isinstance(mask, LearnedUnits)
        masks.append(learned(model, mask))
    assert all(torch.equal(fast, slow) for fast, slow in zip(*masks, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_learned_masks_have_the_granularity(name):
    model = dense_model()
    mask = pruner(name).learn(model, scaled_weight(ScoringContext(model)), 0.5)
    before = [entry.clone() for entry in mask.masks]
    after = learned(model, mask)
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
    pattern = Granularity.named(name).pattern
    dense = pattern.dense(Weights().groups(model)) if pattern else ()
    for layer_name, entry in model.masks().items():
        if pattern is None:
            cells = entry.flatten(2) if entry.ndim > 2 else entry.unsqueeze(2)
            assert torch.equal(cells.all(2), cells.any(2))
        elif layer_name in dense:
            assert entry.all()
        else:
            assert (entry.unflatten(1, (-1, pattern.of)).sum(2) == pattern.kept).all()
    if pattern is None:
        total = sum(entry.numel() for entry in after)
        assert 0 <= total // 2 - sum(int((~entry).sum()) for entry in after) < 49


@pytest.mark.parametrize("name", NAMES)
def test_a_bf16_mask_is_that_of_float32(name):
    masks = []
    for dtype in (torch.float32, torch.bfloat16):
        model = dense_model()
        scores = magnitude(ScoringContext(model))
        pruner(name).apply(model.to(dtype), scores, 0.5)
        masks.append(list(model.masks().values()))
    assert all(torch.equal(one, other) for one, other in zip(*masks, strict=True))


@pytest.mark.parametrize("name", ["brick", "4:2", "2:2", "0:4", "2:400", "1:65", "2:4:8", ":", "2of4"])
def test_a_granularity_that_there_is_not(name):
    with pytest.raises(
        InputError,
        match=rf"^granularity is '{name}'; allowed: weight, kernel, channel, or N:M [^\n]* M at most 64, such as 2:4$",
    ):
        Granularity.named(name)
