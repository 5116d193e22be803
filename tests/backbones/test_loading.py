from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from transformers import BertConfig, ResNetForImageClassification, ResNetModel

from tests.helpers import pictures, refusal, tiny_resnet, tiny_resnet_config
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import BACKBONES, Untrained, load_backbone
from vpns_hf.errors import InputError


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """As with HF_HUB_OFFLINE=1 and an empty cache; the libraries read both when they are first imported."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty"))


RUNNING = "resnet.embedder.embedder.normalization.running_var"
UNTRAINED = [name for name, source in BACKBONES.items() if isinstance(source, Untrained)]


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_short_name_is_an_untrained_classifier_of_the_classes_at_hand(name):
    backbone = load_backbone(name, num_labels=7).model
    assert backbone.config.num_labels == 7
    assert backbone.eval()(pictures(size=32)).logits.shape == (2, 7)
    model = VPNsForImageClassification.from_backbone(backbone, image_size=32, prompt_size=2)
    assert torch.equal(model.eval()(pictures(size=32)).logits, backbone(model.normalise(pictures(size=32))).logits)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("odd", "more"), [(["classifier.1.bias"], ";"), ([RUNNING, "classifier.1.bias"], ", as does 1 more")]
)
def test_weights_that_are_no_numbers_are_told_by_name(tmp_path, value, odd, more):
    model = tiny_resnet()
    for name in odd:
        model.state_dict()[name][0] = value
    expected = f"{odd[0]} of the network holds NaN or infinite numbers{more}"
    with pytest.raises(InputError, match=expected):
        load_backbone(model)
    model.save_pretrained(tmp_path)
    assert f"{tmp_path}: {expected}" in refusal(load_backbone, tmp_path, 3)


def test_the_small_resnet_is_as_small_as_it_says():
    masks = VPNsForImageClassification.from_backbone(load_backbone("resnet-small", 10).model, image_size=32).masks()
    assert 70_000 < sum(mask.numel() for mask in masks.values()) < 80_000


def test_a_local_folder(tmp_path):
    backbone = tiny_resnet()
    backbone.save_pretrained(tmp_path / "resnet")
    for name in (tmp_path / "resnet", str(tmp_path / "resnet")):
        loaded = load_backbone(name, num_labels=3).model
        assert type(loaded) is ResNetForImageClassification
        assert torch.equal(loaded(pictures()).logits, backbone(pictures()).logits)
        assert loaded.config.num_labels == 5


def test_a_relative_folder(tmp_path, monkeypatch):
    tiny_resnet().save_pretrained(tmp_path / "resnet")
    monkeypatch.chdir(tmp_path)
    for name in ("resnet", "./resnet"):
        assert load_backbone(name, 3).model.config.num_labels == 5


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere/at/all"])
def test_a_missing_folder(name, no_network):
    message = refusal(load_backbone, name, 3)
    assert name in message
    assert "folder" in message
    assert "resnet-small" in message


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "model.safetensors" in refusal(load_backbone, tmp_path / "model.safetensors", 3)


@pytest.mark.parametrize("name", ["someone/some-model", "some-model", "not a name!", "a/b/c"])
def test_a_hub_id_without_network_points_to_a_local_folder(name, no_network):
    message = refusal(load_backbone, name, 3)
    assert name in message
    assert "local folder" in message
    assert "resnet-small" in message


def test_an_unknown_revision_is_refused(no_network):
    assert "someone/some-model" in refusal(load_backbone, "someone/some-model", 3, revision="nope")


def foreign_folder(folder: Path, content: str) -> Path:
    folder.mkdir()
    if content == "another kind of model":
        BertConfig().save_pretrained(folder)
    elif content == "no model type":
        (folder / "config.json").write_text(json.dumps({"hello": "world"}))
    elif content == "broken json":
        (folder / "config.json").write_text("{")
    elif content == "no weights":
        tiny_resnet_config().save_pretrained(folder)
    elif content == "no classifier":
        ResNetModel(tiny_resnet_config()).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "content", ["empty", "another kind of model", "no model type", "broken json", "no weights", "no classifier"]
)
def test_a_foreign_folder(content, tmp_path):
    folder = foreign_folder(tmp_path / "foreign", content)
    message = refusal(load_backbone, folder, 3)
    assert str(folder) in message
    assert "classifier" in message


@pytest.mark.parametrize("cut", [lambda content: b"", lambda content: content[:500]], ids=["empty", "start"])
def test_weights_cut_short_are_refused(tmp_path, cut):
    tiny_resnet().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(cut(file.read_bytes()))
    assert str(tmp_path) in refusal(load_backbone, tmp_path, 3)
