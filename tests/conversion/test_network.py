from __future__ import annotations

import pytest
import torch

from tests.conversion.originals import FULL, TINY, Original
from vpns_hf.conversion import NETWORKS, OriginalNetwork
from vpns_hf.errors import InputError


@pytest.fixture(scope="module")
def original() -> Original:
    return Original.of(TINY["basic"]())


def without(tensors: dict[str, torch.Tensor], *names: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name not in names}


@pytest.mark.parametrize("kind", TINY)
def test_convolutions_and_linear_layers_are_pruned(kind):
    original = Original.of(TINY[kind]())
    network = OriginalNetwork.of(original.network.state_dict())
    assert sorted(network.layers.values()) == sorted(original.scores)
    scores = network.scores(original.scores)
    for ours, theirs in network.layers.items():
        assert torch.equal(scores[ours], original.scores[theirs])


def test_the_name_must_be_that_of_the_network(original):
    full = FULL["resnet18"]().state_dict()
    assert OriginalNetwork.of(full, "resnet18").config.depths == [2, 2, 2, 2]
    with pytest.raises(InputError, match="holds resnet18, not resnet50"):
        OriginalNetwork.of(full, "resnet50")
    for name in NETWORKS:
        with pytest.raises(InputError, match=f"holds another network, not {name}"):
            OriginalNetwork.of(original.network.state_dict(), name)


def test_biases_that_a_vgg_lacks_are_0_and_said():
    network = OriginalNetwork.of(TINY["vgg_bn"]().state_dict())
    biases = [tensor for name, tensor in network.tensors.items() if name.endswith("convolution.bias")]
    assert len(biases) == 8
    assert not any(bias.any() for bias in biases)
    assert network.notes == ["the 8 convolutions have no bias, as the released code drops it: they get one of 0"]


def test_biases_that_are_there_stay():
    original = TINY["vgg with biases"]()
    network = OriginalNetwork.of(original.state_dict())
    assert torch.equal(network.tensors["vgg.encoder.stages.0.layers.0.convolution.bias"], original.features[0].bias)
    assert network.notes == []


def test_a_bias_lost_among_others_is_missing():
    with pytest.raises(InputError, match=r"missing features\.3\.bias"):
        OriginalNetwork.of(without(TINY["vgg with biases"]().state_dict(), "features.3.bias"))
    with pytest.raises(InputError, match=r"missing classifier\.3\.bias"):
        OriginalNetwork.of(without(TINY["vgg"]().state_dict(), "classifier.3.bias"))


def test_every_tensor_is_accounted_for(original):
    tensors = original.network.state_dict()
    for changed, message in (
        (without(tensors, "layer2.0.bn1.bias"), "missing layer2.0.bn1.bias"),
        ({**tensors, "conv1.bias": torch.zeros(8)}, "unexpected conv1.bias"),
        ({**tensors, "fc.bias": torch.zeros(3)}, r"fc.bias of shape \(3,\)"),
        (without(tensors, "conv1.weight"), "missing conv1.weight"),
        (without(tensors, "conv1.weight", "bn1.weight"), "no ResNet and no VGG"),
        ({"encoder.weight": torch.zeros(3)}, "no ResNet and no VGG"),
        ({**tensors, "conv1.weight": torch.tensor(1.0)}, r"conv1.weight of shape \(\) instead of \(8, 3, 7, 7\)"),
    ):
        with pytest.raises(InputError, match=message):
            OriginalNetwork.of(changed)


def test_scores_must_be_those_of_the_weights(original):
    network = OriginalNetwork.of(original.network.state_dict())
    for changed, message in (
        (without(original.scores, "layer1.0.conv1"), "no scores of layer1.0.conv1"),
        ({}, "no scores of conv1, layer1.0.conv1, .* and 7 more"),
        ({**original.scores, "bn1": torch.ones(8)}, "scores of bn1, no layers"),
        (
            {**original.scores, "conv1": torch.ones(8, 3, 1, 1)},
            r"\(8, 3, 1, 1\) for weights of \(8, 3, 7, 7\); only a",
        ),
        ({**original.scores, "fc": torch.ones(20, 1)}, r"fc have the shape \(20, 1\)"),
    ):
        with pytest.raises(InputError, match=message):
            network.scores(changed)
