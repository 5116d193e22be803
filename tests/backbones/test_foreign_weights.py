from __future__ import annotations

import pytest
import torch

from tests.backbones.foreign import foreign_tensors
from tests.helpers import pictures, refusal, tiny_resnet
from vpns_hf.backbones import IMAGENET, from_tensors


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    return foreign_tensors(tiny_resnet())


def test_the_network_follows_from_the_names(tensors):
    backbone = from_tensors(tensors)
    assert torch.equal(backbone.model(pictures()).logits, tiny_resnet()(pictures()).logits)
    assert (backbone.normalisation, backbone.lost_head, backbone.model.training) == (IMAGENET, None, False)


def test_the_model_has_tensors_of_its_own(tensors):
    model = from_tensors(tensors).model
    before = tensors["fc.weight"].clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(tensors["fc.weight"], before)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_become_float32_and_counters_stay_whole(tensors, dtype):
    stored = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    state = from_tensors(stored).model.state_dict()
    assert {tensor.dtype for tensor in state.values()} == {torch.float32, torch.int64}
    assert torch.equal(state["classifier.1.weight"], stored["fc.weight"].float())


@pytest.mark.parametrize("name", foreign_tensors(tiny_resnet()))
def test_no_tensor_goes_missing_unnoticed(tensors, name):
    del tensors[name]
    if name.endswith("num_batches_tracked"):
        assert from_tensors(tensors).lost_head is None
    elif name.startswith("fc."):
        assert name in from_tensors(tensors).lost_head
    else:
        assert f"missing {name}" in refusal(from_tensors, tensors)


@pytest.mark.parametrize("name", foreign_tensors(tiny_resnet()))
def test_no_tensor_is_misshaped_unnoticed(tensors, name):
    tensors[name] = torch.ones(1) if name.endswith("num_batches_tracked") else torch.tensor(1.0)
    if name.startswith("fc."):
        assert name in from_tensors(tensors).lost_head
    else:
        assert f"{name} of shape" in refusal(from_tensors, tensors)


def test_a_block_lost_before_others_is_listed(tensors):
    moved = {name.replace("layer1.0.", "layer1.1."): tensor for name, tensor in tensors.items()}
    message = refusal(from_tensors, {**moved, "layer1.0.conv1.weight": tensors["layer1.0.conv1.weight"]})
    assert "missing layer1.0." in message


def test_a_number_in_a_name_is_not_believed(tensors):
    assert "missing layer1.1." in refusal(from_tensors, {**tensors, "layer1.999999999999.conv1.weight": torch.ones(1)})


def test_a_checkpoint_of_the_released_code_is_sent_to_its_converter(tensors):
    assert "`vpns convert`" in refusal(from_tensors, {**tensors, "conv1.popup_scores": torch.ones(1)})


@pytest.mark.parametrize("lost", [{"fc.weight"}, {"fc.bias"}, {"fc.weight", "fc.bias"}])
def test_a_classifier_may_be_absent(tensors, lost):
    backbone = from_tensors({name: tensor for name, tensor in tensors.items() if name not in lost})
    assert all(name in backbone.lost_head for name in lost)
    below = backbone.model.resnet(pictures()).pooler_output
    assert torch.equal(below, tiny_resnet().resnet(pictures()).pooler_output)


def test_only_the_classifier_may_be_absent(tensors):
    del tensors["fc.weight"], tensors["layer2.0.bn1.bias"]
    assert "missing layer2.0.bn1.bias" in refusal(from_tensors, tensors)


def test_unknown_names_are_shown_beside_the_known_layouts():
    message = refusal(
        from_tensors, {"blocks.0.attn.qkv.weight": torch.ones(2), "blocks.0.attn.qkv.bias": torch.ones(2)}
    )
    assert "blocks.0.attn.qkv.weight" in message
    assert "resnet" in message
    assert "torchvision" in message
