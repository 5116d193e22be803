from __future__ import annotations

import math

import pytest
import torch

from vpns_hf.errors import InputError
from vpns_hf.pruning import SCOPES, global_masks, layerwise_masks, num_dropped
from vpns_hf.pruning.thresholds import make_selector


def filled_weights() -> list[torch.Tensor]:
    """A convolution (4, 3, 3, 3) of 0.3 sin(i) and a linear layer (6, 4) of 0.5 sin(0.7 i + 0.2), i from 1."""
    conv = 0.3 * torch.sin(torch.arange(1, 109).double())
    linear = 0.5 * torch.sin(0.7 * torch.arange(1, 25).double() + 0.2)
    return [conv.view(4, 3, 3, 3).float(), linear.view(6, 4).float()]


def initial_scores() -> list[torch.Tensor]:
    """Weights over their layer's largest, times the limit of a Kaiming-uniform start."""
    weights = filled_weights()
    return [math.sqrt(6 / fan_in) * w / w.abs().max() for w, fan_in in zip(weights, (27, 4), strict=True)]


def kept(masks: list[torch.Tensor]) -> tuple[int, ...]:
    return tuple(int(mask.sum()) for mask in masks)


@pytest.mark.parametrize(
    ("sparsity", "threshold", "expected"),
    [
        (0.4, 0.3001641, (61, 19)),
        (0.5, 0.3594770, (47, 19)),
        (0.6, 0.4214381, (34, 19)),
        (0.7, 0.4508443, (21, 19)),
        (0.8, 0.4675336, (8, 19)),
        (0.9, 0.6837632, (0, 14)),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_initial_scores_give_the_published_counts(sparsity, threshold, expected, device):
    scores = initial_scores()
    assert kept(global_masks(scores, sparsity)) == expected
    # the selector of either device runs on tensors in main memory
    selected = make_selector(num_dropped(132, sparsity), device).select(scores)
    assert float(selected) == pytest.approx(threshold, abs=1e-7)


def test_magnitudes_give_the_published_counts_in_each_scope():
    assert kept(SCOPES["global"](filled_weights(), 0.7)) == (25, 15)
    assert kept(SCOPES["layer"](filled_weights(), 0.7)) == (33, 8)


def test_layers_are_ranked_apart_in_the_layer_scope():
    scores = [torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([0.1, 0.2, 0.3])]
    first, second = layerwise_masks(scores, 0.5)
    assert first.tolist() == [[False, False], [True, True]]
    assert second.tolist() == [False, True, True]


def test_layers_are_ranked_together_in_the_global_scope():
    scores = [torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([0.1, 0.2, 0.3])]
    first, second = global_masks(scores, 0.5)
    assert first.tolist() == [[True, True], [True, True]]
    assert second.tolist() == [False, False, False]


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_each_scope_keeps_everything_at_zero_and_takes_no_layers(scope):
    assert kept(scope([torch.zeros(3), torch.ones(2, 2)], 0.0)) == (3, 4)
    assert scope([], 0.5) == []


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_each_scope_refuses_an_impossible_sparsity_and_nan(scope):
    with pytest.raises(InputError, match="sparsity"):
        scope([torch.ones(3)], 1.0)
    with pytest.raises(InputError, match="NaN"):
        scope([torch.tensor([1.0, math.nan, 2.0])], 0.5)


def test_layer_counts_are_floors_of_each_layer():
    generator = torch.Generator().manual_seed(17)
    scores = [torch.randn(size, generator=generator) for size in (1, 3, 10, 99)]
    assert kept(layerwise_masks(scores, 0.3)) == (1, 3, 7, 70)
    assert sum(kept(global_masks(scores, 0.3))) == 113 - 33
