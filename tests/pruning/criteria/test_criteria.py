from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.helpers import Layers, copied, hand_layers, prune_at_random, same
from tests.pruning.criteria.scoring import context, everything_of, unusual_model
from tests.training_helpers import dense_model, random_batches
from vpns_hf.models import MaskedConv2d, MaskedLayer, MaskedLinear
from vpns_hf.pruning.criteria import CRITERIA, Criterion, Phew, ScoringContext, grasp, scaled_weight, snip, synflow

OF_IMAGES = {"snip": snip, "grasp": grasp}
OF_A_NETWORK = {**OF_IMAGES, "synflow": synflow, "phew": Phew(0.9)}  # which have tests of their own
WITHOUT_DATA = [name for name in CRITERIA if name not in OF_A_NETWORK]


def linear(weight: torch.Tensor) -> MaskedLinear:
    plain = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    plain.weight = nn.Parameter(weight)
    return MaskedLinear.from_plain(plain)


def scores_of(criterion: Criterion, layers: dict[str, MaskedLayer]) -> dict[str, torch.Tensor]:
    return criterion(ScoringContext(Layers(layers))).by_layer


def scaled(layer: MaskedLayer) -> torch.Tensor:
    return scores_of(scaled_weight, {"layer": layer})["layer"]


@pytest.fixture
def layers() -> dict[str, MaskedLayer]:
    return hand_layers()[1]


def test_hand_checked_scores(layers):
    conv, head = scores_of(scaled_weight, layers).values()
    assert conv.flatten()[:3].tolist() == pytest.approx([0.396677, 0.428651, 0.0665253], rel=1e-5)
    assert head.flatten()[:3].tolist() == pytest.approx([0.959785, 1.224745, 0.913688], rel=1e-5)
    assert conv.abs().sum().item() == pytest.approx(32.61415, rel=1e-6)
    assert head.abs().sum().item() == pytest.approx(19.18916, rel=1e-6)


def test_the_largest_score_is_the_limit_of_a_uniform_start(layers):
    for layer in layers.values():
        assert scaled(layer).abs().max().item() == pytest.approx(math.sqrt(6 / layer.fan_in))


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_scores_are_float32_shaped_like_the_weight_and_repeatable(layers, name):
    first, again = (scores_of(CRITERIA[name], layers) for _ in range(2))
    assert list(first) == list(layers)
    for key, layer in layers.items():
        scores = first[key]
        assert scores.shape == layer.weight.shape
        assert scores.dtype == torch.float32
        assert not scores.requires_grad
        assert torch.equal(scores, again[key])


@pytest.mark.parametrize("name", WITHOUT_DATA)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_scores_never_share_storage_with_the_weight(name, dtype):
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    layer = linear(weight.clone())
    scores_of(CRITERIA[name], {"layer": layer})["layer"].fill_(7)
    assert torch.equal(layer.weight, weight)


def test_signs_and_order_are_those_of_the_weight(layers):
    for layer in layers.values():
        scores = scaled(layer)
        assert torch.equal(scores.sign(), layer.weight.sign())
        assert torch.equal(scores.flatten().argsort(), layer.weight.flatten().argsort())


def test_scaling_a_layer_changes_nothing():
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(scaled(linear(weight)), scaled(linear(weight * 4)))


def test_bfloat16_weights_are_scored_in_float32():
    weight = torch.randn(30, 40, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    scores = scaled(linear(weight))
    assert torch.equal(scores, scaled(linear(weight.float())))
    assert not torch.equal(scores, scores.to(torch.bfloat16).float())


@pytest.mark.parametrize("value", [0.0, 1e-42, 1e-38, 1e38])
def test_extreme_layers_give_finite_scores(value):
    scores = scaled(linear(torch.full((2, 1), value)))
    assert scores.isfinite().all()
    assert (scores == 0).all() == (value == 0)


def test_the_fan_in_of_a_grouped_convolution_is_that_of_its_group():
    layer = MaskedConv2d.from_plain(nn.Conv2d(4, 6, 3, groups=2))
    assert scaled(layer).abs().max().item() == pytest.approx(math.sqrt(6 / 18))


@pytest.mark.parametrize("criterion", OF_A_NETWORK.values(), ids=OF_A_NETWORK)
def test_every_part_of_the_model_is_as_before(criterion):
    model = unusual_model(prune_at_random(dense_model()))
    before, state = everything_of(model), copied(model.state_dict())
    criterion(context(model, random_batches(2)))
    assert everything_of(model) == before
    assert same(model.state_dict(), state)


@pytest.mark.parametrize("criterion", OF_IMAGES.values(), ids=OF_IMAGES)
def test_every_part_is_as_before_also_when_the_images_fail(criterion):
    def failing():
        yield from random_batches(1)
        raise OSError("the disk is gone")

    model = unusual_model(prune_at_random(dense_model()))
    before = everything_of(model)
    with pytest.raises(OSError, match="disk"):
        criterion(ScoringContext(model, failing))
    assert everything_of(model) == before


@pytest.mark.parametrize("criterion", OF_IMAGES.values(), ids=OF_IMAGES)
def test_without_images_there_is_nothing_to_tell_weights_apart_by(criterion):
    assert all((layer == 0).all() for layer in criterion(context(dense_model())).by_layer.values())
