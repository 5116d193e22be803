"""Paths with higher edge weights: what the graph of a network is, and that its paths are whole."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import prune_at_random, same, tiny_vgg
from tests.pruning.criteria.scoring import context, kept, masks_of
from tests.training_helpers import dense_model, plain_hand_model
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.pruning import Kernels, Pruner, num_dropped
from vpns_hf.pruning.criteria import Phew, ScoringContext, channel_graph, random, synflow
from vpns_hf.pruning.criteria.channel_graph import Crossing


def model_of(family: str) -> VPNsForImageClassification:
    torch.manual_seed(0)
    backbone = AutoModelForImageClassification.from_config(FAMILIES[family])
    return VPNsForImageClassification.from_backbone(backbone, image_size=32, prompt_size=2)


def pruned(model: VPNsForImageClassification, sparsity: float, seed: int = 0) -> VPNsForImageClassification:
    Pruner().apply(model, Phew(sparsity)(ScoringContext(model, seed=seed)), sparsity)
    return model


def test_the_graph_of_a_residual_network():
    stage = "resnet.encoder.stages.{}.layers.0.{}convolution"
    assert channel_graph(dense_model()) == [
        Crossing((), (1,)),
        Crossing((0,), (2, 4), "resnet.embedder.embedder.convolution"),
        Crossing((1,), (3,), stage.format(0, "layer.0.")),
        Crossing((2,), (4,), stage.format(0, "layer.1.")),
        Crossing((3, 1), (5, 7)),  # the identity is a branch
        Crossing((4,), (6,), stage.format(1, "layer.0.")),
        Crossing((5,), (8,), stage.format(1, "layer.1.")),
        Crossing((4,), (8,), stage.format(1, "shortcut.")),
        Crossing((6, 7), (9,)),
        Crossing((8,), (), "classifier.1"),
    ]


def test_the_graph_of_a_network_that_flattens_its_last_picture():
    model = VPNsForImageClassification.from_backbone(tiny_vgg(), image_size=16, prompt_size=2)
    graph = channel_graph(model)
    assert [node.layer for node in graph if node.layer] == list(model.masks())
    assert [node.inputs for node in graph] == [(), *[(place,) for place in range(len(graph) - 1)]]
    assert [node.spread for node in graph] == [1, 1, 1, 1, 4, 1, 1, 1]


WALKED = ["resnet-bottleneck", "vgg", "mobilenetv2"]
REFUSED = [
    "regnet",
    "efficientnet",
    "convnext",
    "vit",
]  # gates, layers of their own, layers of other shapes, attention


@pytest.mark.slow
@pytest.mark.parametrize("family", [*WALKED, *REFUSED])
def test_which_families_it_walks_through(family):
    if family in WALKED:
        model = model_of(family)
        assert {node.layer for node in channel_graph(model)} - {None} == set(model.masks())
        return
    line = rf"^phew walks along [^\n]* but {type(model_of(family).backbone).__name__} computes [^\n]*; choose another"
    with pytest.raises(InputError, match=line):
        channel_graph(model_of(family))


class Doubled(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features, features], 1)[:, : features.shape[1]]


class Branching(nn.Module):
    """Depends on values, which no graph can."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features if float(features.sum()) > 0 else -features


@pytest.mark.parametrize(("part", "reason"), [(Doubled(), "computes cat;"), (Branching(), "cannot be read")])
def test_what_it_cannot_follow_is_one_line(part, reason):
    model = dense_model()
    model.backbone.resnet.pooler = nn.Sequential(model.backbone.resnet.pooler, part)
    with pytest.raises(InputError, match=rf"^[^\n]*{reason}[^\n]*$"):
        channel_graph(model)


def off_path(model: VPNsForImageClassification) -> int:
    """How many kept weights no way through kept weights from pixels to logits leads over."""
    with torch.no_grad():
        for layer in model.masked_layers().values():
            layer.weight.fill_(1.0)
    flows = synflow(context(model)).by_layer
    return sum(int((flows[name][mask] == 0).sum()) for name, mask in model.masks().items())


def averaging(model: VPNsForImageClassification) -> VPNsForImageClassification:
    """The network with means for maxima, through which all positions flow."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("sparsity", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("family", ["resnet", "resnet-bottleneck", "vgg"])
def test_all_paths_but_the_last_are_whole_and_the_count_is_exact(family, sparsity):
    model = averaging(pruned(model_of(family), sparsity))
    total = sum(mask.numel() for mask in model.masks().values())
    assert sum(kept(model)) == total - num_dropped(total, sparsity)
    assert off_path(model) < len(channel_graph(model))
    if sparsity == 0.98:
        drawn = averaging(model_of(family))
        Pruner().apply(drawn, random(ScoringContext(drawn)), sparsity)
        assert off_path(drawn) > 2 * len(channel_graph(model))


@pytest.mark.parametrize("sparsity", [0.7, 0.9])
def test_paths_of_kernels_are_whole_as_well(sparsity):
    """A kernel counts from the first walk through one of its positions; by means, those of nine would all go."""
    model = model_of("resnet")
    Pruner(Kernels()).apply(model, Phew(sparsity)(ScoringContext(model)), sparsity)
    assert min(kept(model)) > 0
    assert off_path(model) < 9 * len(channel_graph(model))


def test_masks_depend_on_the_seed_alone():
    model = dense_model()
    expected = masks_of(pruned(dense_model(), 0.8))
    torch.manual_seed(5)
    images = iter(())  # which no criterion without data may ask for
    scores = Phew(0.8)(ScoringContext(model, lambda: next(images), lambda tensor: next(images)))
    Pruner().apply(model, scores, 0.8)
    assert same(masks_of(model), expected)
    assert not same(masks_of(pruned(dense_model(), 0.8, seed=1)), expected)
    assert not scores.by_magnitude
    assert {layer.dtype for layer in scores.by_layer.values()} == {torch.float64}


def test_the_earliest_paths_stay_so_that_masks_are_nested():
    many, few = (masks_of(pruned(dense_model(), sparsity)) for sparsity in (0.8, 0.95))
    assert all((mask <= many[name]).all() for name, mask in few.items())


def test_large_weights_are_favoured_and_unread_rows_never_reached():
    model = pruned(plain_hand_model(), 0.6)
    weights = torch.cat([layer.weight.detach().abs().flatten() for layer in model.masked_layers().values()])
    mask = torch.cat([layer.flatten() for layer in masks_of(model).values()])
    assert weights[mask].mean() > 1.2 * weights[~mask].mean()
    model = dense_model()
    model.label_mapping.copy_(torch.tensor([4, 0, 2]))
    head = pruned(model, 0.5).masks()["classifier.1"]
    assert not head[[1, 3]].any()
    assert head[[0, 2, 4]].any(1).all()


def test_what_no_walk_reaches_is_filled_by_magnitude_and_told(caplog):
    """In each of the 12 kernels one weight is so small that no walk takes it; 6 of these have to stay."""
    model = plain_hand_model()
    weight = model.masked_layers()["net.conv"].weight
    with torch.no_grad():
        weight.abs_().add_(0.1)
        weight[..., 0, 0] = 1e-12 * torch.arange(1, 13).view(4, 3)
    with caplog.at_level(logging.WARNING, "vpns_hf"):
        pruned(model, 0.05)
    assert kept(model) == [102, 24]
    assert model.masks()["net.conv"][..., 0, 0].flatten().tolist() == [False] * 6 + [True] * 6
    [record] = [record for record in caplog.records if record.name.startswith("vpns_hf")]
    line = record.getMessage()
    assert line.endswith("walks passed 120 weights of the 126 that stay; the other 6 are those of largest magnitude")


def test_a_network_that_is_pruned_already_keeps_what_is_left():
    model = prune_at_random(dense_model(), 0.5)
    before = masks_of(model)
    pruned(model, 0.8)
    assert all((mask <= before[name]).all() for name, mask in model.masks().items())


def test_a_network_in_half_precision_is_walked_as_well():
    model = dense_model().to(torch.bfloat16)
    total = sum(mask.numel() for mask in model.masks().values())
    assert sum(kept(pruned(model, 0.9))) == total - num_dropped(total, 0.9)
