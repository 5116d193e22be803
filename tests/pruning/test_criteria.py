from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.helpers import hand_layers
from vpns_hf.models import MaskedConv2d, MaskedLayer, MaskedLinear
from vpns_hf.pruning.criteria import CRITERIA, scaled_weight


def linear(weight: torch.Tensor) -> MaskedLinear:
    plain = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    plain.weight = nn.Parameter(weight)
    return MaskedLinear.from_plain(plain)


@pytest.fixture
def layers() -> dict[str, MaskedLayer]:
    return hand_layers()[1]


def test_hand_checked_scores(layers):
    conv, head = scaled_weight(layers["conv"]), scaled_weight(layers["linear"])
    assert conv.flatten()[:3].tolist() == pytest.approx([0.396677, 0.428651, 0.0665253], rel=1e-5)
    assert head.flatten()[:3].tolist() == pytest.approx([0.959785, 1.224745, 0.913688], rel=1e-5)
    assert conv.abs().sum().item() == pytest.approx(32.61415, rel=1e-6)
    assert head.abs().sum().item() == pytest.approx(19.18916, rel=1e-6)


def test_the_largest_score_is_the_limit_of_a_uniform_start(layers):
    for layer in layers.values():
        assert scaled_weight(layer).abs().max().item() == pytest.approx(math.sqrt(6 / layer.fan_in))


@pytest.mark.parametrize("name", CRITERIA)
def test_scores_are_float32_shaped_like_the_weight_and_repeatable(layers, name):
    for layer in layers.values():
        scores = CRITERIA[name](layer)
        assert scores.shape == layer.weight.shape
        assert scores.dtype == torch.float32
        assert not scores.requires_grad
        assert torch.equal(scores, CRITERIA[name](layer))


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_scores_never_share_storage_with_the_weight(name, dtype):
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    layer = linear(weight.clone())
    CRITERIA[name](layer).fill_(7)
    assert torch.equal(layer.weight, weight)


def test_signs_and_order_are_those_of_the_weight(layers):
    for layer in layers.values():
        scores = scaled_weight(layer)
        assert torch.equal(scores.sign(), layer.weight.sign())
        assert torch.equal(scores.flatten().argsort(), layer.weight.flatten().argsort())


def test_scaling_a_layer_changes_nothing():
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(scaled_weight(linear(weight)), scaled_weight(linear(weight * 4)))


def test_bfloat16_weights_are_scored_in_float32():
    weight = torch.randn(30, 40, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    scores = scaled_weight(linear(weight))
    assert torch.equal(scores, scaled_weight(linear(weight.float())))
    assert not torch.equal(scores, scores.to(torch.bfloat16).float())


@pytest.mark.parametrize("value", [0.0, 1e-42, 1e-38, 1e38])
def test_extreme_layers_give_finite_scores(value):
    scores = scaled_weight(linear(torch.full((2, 1), value)))
    assert scores.isfinite().all()
    assert (scores == 0).all() == (value == 0)


def test_the_fan_in_of_a_grouped_convolution_is_that_of_its_group():
    layer = MaskedConv2d.from_plain(nn.Conv2d(4, 6, 3, groups=2))
    assert scaled_weight(layer).abs().max().item() == pytest.approx(math.sqrt(6 / 18))
