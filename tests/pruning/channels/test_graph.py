"""Which channels go together, and that a network without them computes what it computes with them masked."""

from __future__ import annotations

import copy
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import SEEDED, pictures, prune_at_random
from tests.pruning.channels.networks import REMOVABLE, SIDE, dense_network, drawn, mask_channels
from vpns_hf import VPNsForImageClassification
from vpns_hf.errors import InputError
from vpns_hf.models import Side
from vpns_hf.pruning import Channels, channel_graph_of, channel_groups
from vpns_hf.pruning.channels.trial import tried

STREAM = "resnet.embedder.embedder.convolution"


@pytest.mark.parametrize("family", REMOVABLE)
@settings(SEEDED, max_examples=2)
@given(share=st.sampled_from([0.0, 0.3, 0.8]), seed=st.integers(0, 99))
def test_without_channels_a_network_computes_what_it_does_with_them_masked(family, share, seed):
    dense = dense_network(family)
    model = copy.deepcopy(dense)
    mask_channels(model, drawn(model, share, seed))
    thin = model.shrink(channel_groups(model))
    x = pictures(size=SIDE)
    with torch.no_grad():
        expected, found, whole = model(x).logits, thin(x).logits, dense(x).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (whole - expected).abs().max() > 1e-3
    assert all(mask.all() for mask in thin.masks().values())
    assert thin.sparsity == model.sparsity > 0
    assert sum(mask.numel() for mask in thin.masks().values()) == sum(
        int(mask.sum()) for mask in model.masks().values()
    )
    assert {type(layer) for layer in thin.modules()} == {type(layer) for layer in model.modules()}


@pytest.mark.parametrize("family", REMOVABLE)
def test_one_channel_of_each_group_is_enough(family):
    model = copy.deepcopy(dense_network(family))
    groups = channel_groups(model)
    mask_channels(model, drawn(model, 0.0, seed=1))
    thin = model.shrink(groups)
    x = pictures(size=SIDE)
    torch.testing.assert_close(thin(x).logits, model(x).logits, rtol=1e-5, atol=1e-5)
    layers = thin.masked_layers()
    assert all(layers[side.layer].weight.shape[side.axis] == side.each for group in groups for side in group.sides)


def test_a_group_without_a_weight_keeps_a_channel():
    model = copy.deepcopy(dense_network("resnet"))
    group = channel_groups(model)[1]
    mask_channels(model, [torch.full((one.size,), one != group) for one in channel_groups(model)])
    thin = model.shrink(channel_groups(model))
    assert thin.masks()[group.name].shape[0] == 1
    assert thin.sparsity == model.sparsity
    x = pictures(size=SIDE)
    torch.testing.assert_close(thin(x).logits, model(x).logits, rtol=1e-5, atol=1e-5)


def test_a_residual_stream_is_one_group_and_inner_channels_are_their_own():
    groups = {group.name: group for group in channel_groups(dense_network("resnet"))}
    stages = "resnet.encoder.stages"
    assert groups[STREAM].sides == (
        Side(STREAM, 0),
        Side(f"{stages}.0.layers.0.layer.0.convolution", 1),
        Side(f"{stages}.0.layers.0.layer.1.convolution", 0),
        Side(f"{stages}.1.layers.0.shortcut.convolution", 1),
        Side(f"{stages}.1.layers.0.layer.0.convolution", 1),
    )
    inner = f"{stages}.0.layers.0.layer.0.convolution"
    assert groups[inner].sides == (Side(inner, 0), Side(f"{stages}.0.layers.0.layer.1.convolution", 1))
    assert [norm.layer for norm in groups[inner].norms] == [f"{stages}.0.layers.0.layer.0.normalization"]


def test_colours_and_classes_never_go():
    model = dense_network("resnet")
    sides = {(side.layer, side.axis) for group in channel_groups(model) for side in group.sides}
    assert (STREAM, 1) not in sides
    assert ("classifier.1", 0) not in sides
    assert ("classifier.1", 1) in sides


def test_a_flattened_channel_has_a_place_for_every_position():
    [group] = [group for group in channel_groups(dense_network("vgg")) if group.sides[-1].layer == "vgg.pooler.fc1"]
    assert (group.size, group.sides[-1]) == (4, Side("vgg.pooler.fc1", 1, 49))


def test_heads_and_groups_of_a_convolution_go_whole():
    attention = channel_groups(dense_network("vit"))[0]
    assert (attention.size, attention.channels) == (2, 8)
    assert {side.each for side in attention.sides} == {8}
    grouped = next(group for group in channel_groups(dense_network("regnet")) if group.channels > 1)
    assert (grouped.size, grouped.channels) == (2, 4)
    model = copy.deepcopy(dense_network("regnet"))
    mask_channels(model, drawn(model, 0.0, seed=1))
    convolutions = [layer for layer in model.shrink(channel_groups(model)).modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.groups for layer in convolutions} == {1}


def test_what_other_layers_see_as_a_whole_stays_and_is_named():
    left = channel_graph_of(dense_network("convnext")).left
    assert list(left) == ["convnext.embeddings.patch_embeddings", "convnext.encoder.stages.1.downsampling_layer.1"]
    assert all("goes along all of them" in reason for reason in left.values())


def test_a_network_none_of_whose_channels_can_go_is_refused():
    with pytest.raises(
        InputError, match=r"^no channels of this network can be removed \(convnextv2[^\n]*--granularity[^\n]*$"
    ):
        channel_groups(dense_network("convnextv2"))


def test_a_graph_that_says_too_much_is_found_out(monkeypatch):
    """Where logits depend on how many channels there are."""
    model = dense_network("resnet-bottleneck")
    copied = copy.deepcopy(model)
    forward = copied.backbone.forward

    def wayward(pixels):
        output = forward(pixels)
        output.logits = output.logits * copied.backbone.resnet.embedder.embedder.convolution.out_channels
        return output

    monkeypatch.setattr(copied.backbone, "forward", wayward)
    fine, refused = tried(copied, channel_groups(model), pictures(1, SIDE))
    assert fine == []
    assert set(refused.values()) == {"without some of them the network computes something else"}


def unseen(image_size: int) -> VPNsForImageClassification:
    """A network of a size that no other test looks at, since what is known of one is kept."""
    backbone = AutoModelForImageClassification.from_config(FAMILIES["resnet"])
    return VPNsForImageClassification.from_backbone(backbone, image_size=image_size, prompt_size=2)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    model = unseen(image_size=24)
    with pytest.raises(
        InputError, match=r"^channels are found by torch-pruning, [^\n]*; pip install \"vpns_hf\[structured\]\"$"
    ):
        channel_groups(model)


def test_a_graph_that_cannot_be_traced_is_refused(monkeypatch):
    import torch_pruning

    def fails(*args, **kwargs):
        raise TypeError("a network that branches\non its input")

    monkeypatch.setattr(torch_pruning.DependencyGraph, "build_dependency", fails)
    model = unseen(image_size=20)
    with pytest.raises(
        InputError, match=r"^the graph of ResNetForImageClassification cannot be traced \(TypeError: [^\n]*$"
    ):
        channel_groups(model)


def test_looking_for_channels_draws_no_numbers():
    model = unseen(image_size=28)
    before = torch.get_rng_state()
    channel_groups(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_mask_of_parts_of_channels_is_refused():
    model = prune_at_random(copy.deepcopy(dense_network("resnet")))
    with pytest.raises(InputError, match=r"^the mask of layer \S+ removes more than channels; [^\n]*$"):
        Channels().pruned(model)


def test_what_masks_remove_beside_channels_stays_masked():
    model = copy.deepcopy(dense_network("resnet"))
    mask_channels(model, drawn(model, 0.5, seed=3))
    generator = torch.Generator().manual_seed(0)
    for mask in model.masks().values():
        mask &= torch.rand(mask.shape, generator=generator) > 0.1
    thin = model.shrink(channel_groups(model))
    x = pictures(size=SIDE)
    torch.testing.assert_close(thin(x).logits, model(x).logits, rtol=1e-5, atol=1e-5)
    assert thin.sparsity == model.sparsity
    assert any(not mask.all() for mask in thin.masks().values())
