"""The scores of channels, by hand, and masks that agree inside a group."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from tests.pruning.channels.networks import REMOVABLE, dense_network, drawn
from vpns_hf.models import ChannelGroup, Side, kept_units
from vpns_hf.pruning import Channels
from vpns_hf.pruning.channels import ChannelUnits
from vpns_hf.pruning.criteria import First, Largest, Scores


def units_of(group: ChannelGroup) -> list[ChannelUnits]:
    return [ChannelUnits(group.name, (group.size,), of=group)]


def test_the_score_is_the_mean_over_layers_of_sums_in_relation_to_their_mean():
    """Made: sums 3, 7 over their mean 5 are 0.6, 1.4; read, two places each: 4, 12 over 8 are 0.5, 1.5."""
    group = ChannelGroup("a", 2, 1, (Side("a", 0), Side("b", 1, 2)))
    weights = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([[1.0, 3.0, 5.0, 7.0]])}
    [scores] = Channels().scores(Scores(weights, by_magnitude=False), units_of(group))
    torch.testing.assert_close(scores, torch.tensor([0.55, 1.45]))


def test_what_goes_before_all_else_counts_nothing():
    """Rows of the head that nobody reads: 1, 3 over 2."""
    group = ChannelGroup("a", 2, 1, (Side("head", 1),))
    weights = {"head": torch.tensor([[1.0, 3.0], [-math.inf, -math.inf]])}
    [scores] = Channels().scores(Scores(weights, by_magnitude=False), units_of(group))
    assert scores.tolist() == [0.5, 1.5]


def test_signed_scores_keep_their_sign_and_learned_ones_begin_with_magnitudes():
    group = ChannelGroup("a", 2, 1, (Side("a", 0),))
    weights = {"a": torch.tensor([[-1.0], [3.0]])}
    assert Channels().scores(Scores(weights, by_magnitude=False), units_of(group))[0].tolist() == [-0.5, 1.5]
    assert Channels().starts(weights, units_of(group))[0].tolist() == [0.5, 1.5]


def test_a_layer_of_zeros_scores_zero():
    group = ChannelGroup("a", 2, 1, (Side("a", 0),))
    [scores] = Channels().scores(Scores({"a": torch.zeros(2, 3)}), units_of(group))
    assert scores.tolist() == [0.0, 0.0]


def test_what_is_drawn_is_drawn_once_for_a_channel_and_a_walk_reaches_it_with_its_first_weight():
    group = ChannelGroup("a", 2, 1, (Side("a", 0), Side("b", 1)))
    weights = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([[9.0, 0.0], [5.0, 7.0]])}
    for pooling, expected in ((First(), [1.0, 3.0]), (Largest(), [9.0, 7.0])):
        [scores] = Channels().scores(Scores(weights, pooling=pooling), units_of(group))
        assert scores.tolist() == expected


@pytest.mark.parametrize("family", REMOVABLE)
def test_masks_agree_inside_a_group(family):
    model = copy.deepcopy(dense_network(family))
    kept = drawn(model, 0.5, seed=4)
    masks = Channels().masks(kept, model)
    for group, units in zip(Channels().groups(model), kept, strict=True):
        assert torch.equal(kept_units(group.of, masks), units)
        for side in group.of.sides:
            gone = masks[side.layer].transpose(0, side.axis)[(~units).repeat_interleave(side.each)]
            assert not gone.any()
    for mask in masks.values():
        outputs, inputs = mask.flatten(1).any(1), mask.transpose(0, 1).flatten(1).any(1)
        cells = mask.flatten(2)[..., 0] if mask.ndim > 2 else mask
        assert torch.equal(cells, outputs[:, None] & inputs[None])
