"""Synaptic flow: hand-checked numbers, conservation, and that a network comes out of it as it went in."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForImageClassification, PreTrainedModel, ResNetConfig

from tests.families import FAMILIES
from tests.helpers import SEEDED, prune_at_random, pruned, randomised, same, tiny_vgg
from tests.pruning.criteria.scoring import context, exact_hand_model, kept, masks_of, pruned_in_rounds
from tests.training_helpers import dense_model
from vpns_hf import InputError, VggConfig, VggForImageClassification, VPNsForImageClassification
from vpns_hf.pruning import Pruner, geometric
from vpns_hf.pruning.criteria import check_homogeneous, synflow


def model_of(backbone: PreTrainedModel, **fields: object) -> VPNsForImageClassification:
    return VPNsForImageClassification.from_backbone(backbone, image_size=32, prompt_size=2, **fields)


def layer_sums(model: VPNsForImageClassification) -> torch.Tensor:
    return torch.stack([scores.sum() for scores in synflow(context(model)).by_layer.values()])


def test_hand_checked_sums():
    assert layer_sums(exact_hand_model()).tolist() == pytest.approx([34.250003, 34.250003], abs=5e-7)


@pytest.mark.parametrize(
    ("sparsities", "expected"),
    [
        (geometric(0.9, 100), [[8, 6]]),
        # The last to go is one of two weights that carry the same flow, alone in a channel: rounding chooses.
        (geometric(0.7, 100), [[29, 11], [28, 12]]),
        ([0.9], [[0, 14]]),
    ],
)
def test_hand_checked_counts(sparsities, expected):
    assert pruned_in_rounds(exact_hand_model(), synflow, sparsities) in expected


@settings(SEEDED, max_examples=20)
@given(batch_norm=st.booleans(), seed=st.integers(0, 100), sparsity=st.floats(0, 0.5))
def test_what_flows_into_a_layer_flows_out_of_it(batch_norm, seed, sparsity):
    """Random shifts and biases in between, of which the hand-checked net has none, would add to the flow."""
    model = prune_at_random(model_of(tiny_vgg(batch_norm, seed)), sparsity, seed)
    with torch.no_grad():
        for name, parameter in model.backbone.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(std=2.0)
                assert name.endswith(("bias", "weight"))
    sums = layer_sums(model)
    assert len(sums) == 6
    torch.testing.assert_close(sums, sums[:1].expand(6), rtol=1e-10, atol=0)


def test_branches_add_up_where_they_meet():
    model = dense_model()
    stem, layer, last, *_ = layer_sums(model).tolist()
    sums = dict(zip(model.masks(), layer_sums(model).tolist(), strict=True))
    shortcut = sums["resnet.encoder.stages.1.layers.0.shortcut.convolution"]
    assert layer == pytest.approx(last, rel=1e-10)
    assert sums["classifier.1"] == pytest.approx(stem, rel=1e-10)
    assert sums["resnet.encoder.stages.1.layers.0.layer.1.convolution"] + shortcut == pytest.approx(stem, rel=1e-10)
    assert layer < stem


def test_neither_signs_nor_statistics_nor_prompt_nor_biases_have_a_part():
    expected = synflow(context(dense_model())).by_layer
    model = dense_model(image_mean=[0.1] * 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-1)
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith(("bias", "running_mean", "running_var", "prompt")):
                tensor.uniform_(3, 4)
    found = synflow(context(model)).by_layer
    assert same(found, expected)
    assert {scores.dtype for scores in found.values()} == {torch.float64}


def test_only_what_is_read_and_kept_has_a_score():
    model = pruned(dense_model().to_backbone())
    scores = synflow(context(model)).by_layer
    for name, mask in model.masks().items():
        assert (scores[name][~mask] == 0).all()
    unread = [row for row in range(5) if row not in model.label_mapping.tolist()]
    assert (scores["classifier.1"][unread] == 0).all()
    assert (scores["classifier.1"][model.label_mapping] > 0).any()


@pytest.mark.parametrize("seed", range(3))
def test_rounds_keep_a_weight_in_every_layer_where_one_shot_empties_one(seed):
    once, rounds = (model_of(tiny_vgg(seed=seed)) for _ in range(2))
    assert not all(pruned_in_rounds(once, synflow, [0.98]))
    assert all(pruned_in_rounds(rounds, synflow, geometric(0.98, 30)))
    assert sum(kept(rounds)) == sum(kept(once))


def test_masks_of_rounds_are_nested_and_the_last_differs_from_that_of_one_shot():
    model, masks = dense_model(), []
    for sparsity in geometric(0.9, 10):
        Pruner().apply(model, synflow(context(model)), sparsity)
        masks.append(masks_of(model))
    for larger, smaller in pairwise(masks):
        assert all((mask <= larger[name]).all() for name, mask in smaller.items())
    once = dense_model()
    pruned_in_rounds(once, synflow, [0.9])
    assert not same(masks_of(once), masks[-1])


DEEP = {
    "resnet50": ResNetConfig(embedding_size=8, hidden_sizes=[16, 32, 64, 128], depths=[3, 4, 6, 3], num_labels=5),
    "vgg16": VggConfig(hidden_sizes=[8, 16, 32, 64, 64], classifier_size=64, num_labels=5, initializer_range=1.0),
}


@pytest.mark.parametrize("name", DEEP)
def test_it_is_finite_in_deep_networks_whose_float32_flow_is_not(name):
    model = model_of(randomised(VggForImageClassification, DEEP[name]) if name == "vgg16" else resnet(DEEP[name]))
    with torch.no_grad():
        for layer in model.masked_layers().values():
            layer.weight.fill_(2.0)
    sums = layer_sums(model)
    assert sums.isfinite().all()
    assert sums.max() > torch.finfo(torch.float32).max


def resnet(config: ResNetConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForImageClassification.from_config(config)


def test_a_flow_that_is_not_finite_is_one_line():
    model = model_of(tiny_vgg()).double()
    with torch.no_grad():
        for layer in model.masked_layers().values():
            layer.weight.fill_(1e100)
    with pytest.raises(InputError, match=r"^the flow through VggForImageClassification overflows float64; [^\n]*$"):
        synflow(context(model))


POSITIVE = {"resnet", "resnet-bottleneck", "vgg", "regnet", "mobilenetv2", "efficientnet"}


@pytest.mark.parametrize("family", FAMILIES)
def test_which_families_it_ranks(family):
    torch.manual_seed(0)
    model = model_of(AutoModelForImageClassification.from_config(FAMILIES[family]))
    if family in POSITIVE:
        check_homogeneous(model)
        return
    for refuse in (check_homogeneous, lambda model: synflow(context(model))):
        with pytest.raises(InputError, match=r"^synflow needs a [^\n]* computes layer_norm; choose another method$"):
            refuse(model)


class Shifted(torch.nn.Module):
    """What no list of functions names."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + 1


def test_a_network_that_adds_something_is_refused_whatever_computes_it():
    model = dense_model()
    model.backbone.resnet.pooler = torch.nn.Sequential(model.backbone.resnet.pooler, Shifted())
    with pytest.raises(InputError, match="does not grow in proportion to its input"):
        check_homogeneous(model)


@pytest.mark.parametrize("activation", ["relu6", "gelu", "silu", "hardswish", "mish"])
def test_activations_are_the_identity_on_what_flows(activation):
    def of(name: str) -> dict[str, torch.Tensor]:
        config = ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", hidden_act=name, num_labels=5
        )
        return synflow(context(model_of(resnet(config)))).by_layer

    expected = of("relu")
    assert same(of(activation), expected)
