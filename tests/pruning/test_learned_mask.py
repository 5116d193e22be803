from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.helpers import SEEDED, HandNet, hand_layers, hand_pictures, learn, refusal, same
from vpns_hf.errors import InputError
from vpns_hf.models.masked_layers import MaskedLayer, MaskedLinear
from vpns_hf.pruning import LearnedLayer, LearnedMask


def learned(sparsity: float) -> tuple[HandNet, LearnedMask]:
    net, layers = hand_layers()
    mask = learn(layers, sparsity)
    mask.update()
    return net, mask


def kept(mask: LearnedMask) -> tuple[int, ...]:
    return tuple(int(layer_mask.sum()) for layer_mask in mask.masks)


def linear_layers(*shapes: tuple[int, int], dtype: torch.dtype = torch.float32) -> dict[str, MaskedLayer]:
    torch.manual_seed(0)
    return {
        str(index): MaskedLinear.from_plain(nn.Linear(columns, rows, dtype=dtype))
        for index, (rows, columns) in enumerate(shapes)
    }


@pytest.mark.parametrize(
    ("density", "threshold", "expected"),
    [
        (0.6, 0.3001641, (61, 19)),
        (0.5, 0.3594770, (47, 19)),
        (0.4, 0.4214381, (34, 19)),
        (0.3, 0.4508443, (21, 19)),
        (0.2, 0.4675336, (8, 19)),
        (0.1, 0.6837632, (0, 14)),
    ],
)
def test_hand_checked_thresholds_and_counts(density, threshold, expected):
    _, mask = learned(1 - density)
    assert float(mask.threshold) == pytest.approx(threshold, abs=1e-7)
    assert kept(mask) == expected


def test_hand_checked_loss_and_score_gradients():
    net, mask = learned(0.7)
    net.train().requires_grad_(False)
    for scores in mask.scores:
        scores.requires_grad_(True)
    loss = F.cross_entropy(net(hand_pictures(2, 3, 8, 8)), torch.tensor([1, 4]))
    loss.backward()
    assert loss.item() == pytest.approx(2.0573788, rel=1e-6)
    assert net.conv.scores.grad.sum().item() == pytest.approx(-0.0512270, rel=1e-4)
    assert net.conv.scores.grad.abs().sum().item() == pytest.approx(0.4699944, rel=1e-5)
    first = net.linear.scores.grad.flatten()[:3].tolist()
    assert first == pytest.approx([0.0483329, 0.0599667, 0.0439236], rel=1e-5)


@SEEDED
@given(
    thousandths=st.integers(0, 999),
    shapes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    levels=st.integers(1, 4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_the_count_is_exact_with_tied_scores(thousandths, shapes, levels, dtype):
    layers = linear_layers(*shapes, dtype=dtype)
    few_values = {
        name: torch.randint(-levels, levels + 1, layer.weight.shape).float() for name, layer in layers.items()
    }
    mask = learn(layers, thousandths / 1000, few_values)
    mask.update()
    total = sum(rows * columns for rows, columns in shapes)
    assert sum(kept(mask)) == total - thousandths * total // 1000
    scores = torch.cat([scores.detach().abs().flatten() for scores in mask.scores])
    flat = torch.cat([layer_mask.flatten() for layer_mask in mask.masks])
    if not flat.all():
        assert scores[flat].min() >= scores[~flat].max()
        lowest = scores[flat].min()
        tied = flat[scores == lowest]
        assert tied.tolist() == sorted(tied.tolist()), "of tied scores the first are dropped"


def test_bfloat16_weights_are_ranked_by_float32_scores():
    layers = linear_layers((40, 50), dtype=torch.bfloat16)
    mask = learn(layers, 0.5)
    with torch.no_grad():
        mask.scores[0].copy_(torch.linspace(1.0, 1.001, 2000).view(40, 50))
    mask.update()
    assert mask.scores[0].dtype == torch.float32
    assert mask.masks[0].flatten().tolist() == [False] * 1000 + [True] * 1000


def test_a_layer_of_zeros_is_pruned_first_and_gives_no_nan():
    layers = linear_layers((4, 5), (4, 5))
    with torch.no_grad():
        layers["0"].weight.zero_()
    mask = learn(layers, 0.5)
    mask.update()
    assert kept(mask) == (0, 20)
    output = layers["1"](layers["0"](torch.ones(2, 5)).repeat(1, 2)[:, :5])
    output.sum().backward()
    assert all(scores.grad.isfinite().all() for scores in mask.scores)


def test_scores_that_are_not_numbers_are_refused():
    layers = linear_layers((4, 5))
    with torch.no_grad():
        layers["0"].weight[0, 0] = float("nan")
    mask = learn(layers, 0.5)
    with pytest.raises(InputError, match="NaN"):
        mask.update()


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_a_sparsity_outside_the_range_is_refused(sparsity):
    layers = linear_layers((4, 5))
    refusal(learn, layers, sparsity)
    assert not isinstance(layers["0"], LearnedLayer)


def test_sparsity_zero_keeps_everything():
    _, mask = learned(0.0)
    assert kept(mask) == (108, 24)


def test_weights_and_biases_are_not_touched():
    net, layers = hand_layers()
    before = {key: value.clone() for key, value in net.state_dict().items() if "mask" not in key}
    mask = learn(layers, 0.7)
    mask.update()
    mask.finish()
    after = net.state_dict()
    assert same(before, after)


def test_the_mask_follows_the_scores_and_stays_after_the_end():
    _net, mask = learned(0.7)
    before = [layer_mask.clone() for layer_mask in mask.masks]
    with torch.no_grad():
        for scores in mask.scores:
            scores.copy_(torch.rand_like(scores))
    mask.update()
    assert sum(kept(mask)) == 132 - 92
    assert not all(torch.equal(*pair) for pair in zip(before, mask.masks, strict=True))
    fixed = [layer_mask.clone() for layer_mask in mask.masks]
    mask.finish()
    assert all(torch.equal(*pair) for pair in zip(fixed, mask.masks, strict=True))


def test_updating_again_changes_nothing():
    _, mask = learned(0.7)
    before = [layer_mask.clone() for layer_mask in mask.masks]
    mask.update()
    assert all(torch.equal(*pair) for pair in zip(before, mask.masks, strict=True))


def test_starting_again_gives_the_same_masks():
    net, mask = learned(0.7)
    first = copy.deepcopy(mask.masks)
    mask.finish()
    again = learn({"conv": net.conv, "linear": net.linear}, 0.7)
    again.update()
    assert all(torch.equal(*pair) for pair in zip(first, again.masks, strict=True))
