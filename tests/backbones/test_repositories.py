"""Folders in the layouts of timm and transformers; the Hub is in test_hub.py."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForImageClassification,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessorPil,
)

from tests.backbones.foreign import PRETRAINED, foreign_tensors, timm_folder
from tests.families import FAMILIES
from tests.helpers import pictures, randomised, refusal, tiny_model, tiny_resnet
from tests.pruning.channels.networks import thin_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import HEADS, load_backbone
from vpns_hf.errors import InputError
from vpns_hf.models import head_names

NORMALISATION = {"image_mean": PRETRAINED["mean"], "image_std": PRETRAINED["std"]}


def refused(folder: Path, head: str = "mapped") -> str:
    """What is said behind the name of a folder."""
    message = refusal(load_backbone, folder, num_labels=3, head=HEADS[head])
    assert message.startswith(f"{folder}: ")
    return message.removeprefix(f"{folder}: ")


def test_a_folder_of_timm(tmp_path):
    backbone = load_backbone(timm_folder(tmp_path, tiny_resnet()))
    assert torch.equal(backbone.model(pictures()).logits, tiny_resnet()(pictures()).logits)
    assert (backbone.normalisation, backbone.image_size, backbone.lost_head) == (NORMALISATION, 32, None)


def test_a_file_of_timm_is_read_as_its_folder(tmp_path):
    assert load_backbone(timm_folder(tmp_path, tiny_resnet()) / "model.safetensors").normalisation == NORMALISATION


def test_timms_first_configurations_are_flat(tmp_path):
    folder = timm_folder(tmp_path, tiny_resnet())
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet10", "num_classes": 5, **PRETRAINED}))
    assert load_backbone(folder).normalisation == NORMALISATION


def test_weights_in_a_pickle_beside_the_configuration(tmp_path):
    folder = timm_folder(tmp_path, tiny_resnet())
    (folder / "model.safetensors").unlink()
    torch.save(foreign_tensors(tiny_resnet()), folder / "pytorch_model.bin")
    assert torch.equal(load_backbone(folder).model(pictures()).logits, tiny_resnet()(pictures()).logits)


def test_class_names_of_timm(tmp_path):
    config = load_backbone(timm_folder(tmp_path, tiny_resnet(), label_names=list("abcde"))).model.config
    assert config.id2label == dict(enumerate("abcde"))
    assert config.label2id["e"] == 4


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"architecture": "resnetaa50"}, "resnetaa50 of timm"),
        ({"architecture": "vit_base_patch16_224"}, "vit_base_patch16_224 of timm"),
        ({"model_args": {"output_stride": 8}}, "changed by output_stride"),
    ],
)
def test_a_network_of_timm_that_computes_something_else(tmp_path, fields, words):
    assert words in refused(timm_folder(tmp_path, tiny_resnet(), **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"pretrained_cfg": None, "num_classes": None, "label_names": 5},
        {"pretrained_cfg": "a1_in1k", "label_names": ["too", "few"]},
        {"pretrained_cfg": {"mean": 0.5, "std": [0.5], "input_size": 32}},
    ],
)
def test_what_a_configuration_of_timm_does_not_say_is_not_needed(tmp_path, fields):
    backbone = load_backbone(timm_folder(tmp_path, tiny_resnet(), **fields))
    assert (backbone.normalisation, backbone.image_size, backbone.lost_head) == ({}, None, None)


def test_a_network_of_timm_that_lost_its_last_blocks(tmp_path):
    """The weights alone would be a smaller network."""
    config = ResNetConfig(
        layer_type="basic", embedding_size=4, hidden_sizes=[4] * 4, depths=[2, 2, 2, 1], num_labels=5
    )
    folder = timm_folder(tmp_path, randomised(ResNetForImageClassification, config), model_args=None)
    assert "resnet18 has [2, 2, 2, 2] blocks" in refused(folder)
    assert "the weights have [2, 2, 2, 1]" in refused(folder)


def test_a_folder_of_timm_without_weights(tmp_path):
    (timm_folder(tmp_path, tiny_resnet()) / "model.safetensors").unlink()
    assert "model.safetensors or pytorch_model.bin" in refused(tmp_path)


def test_a_classifier_with_other_rows_than_the_configuration_of_timm_says(tmp_path):
    timm_folder(tmp_path, tiny_resnet(), num_classes=7)
    assert "5 rows, but config.json says 7 classes; give --head new" in refused(tmp_path)
    assert load_backbone(tmp_path, 3, head=HEADS["new"]).model.config.num_labels == 3


def test_the_processor_says_how_pictures_were_prepared(tmp_path):
    tiny_resnet().save_pretrained(tmp_path)
    assert load_backbone(tmp_path).normalisation == {}
    ViTImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.25] * 3, size={"height": 48, "width": 48}).save_pretrained(
        tmp_path
    )
    backbone = load_backbone(tmp_path)
    assert backbone.normalisation == {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    assert backbone.image_size == 48


def test_a_model_in_memory_is_normalised_as_where_it_came_from(tmp_path):
    loaded = load_backbone(timm_folder(tmp_path, tiny_resnet())).model
    again = load_backbone(loaded)
    assert again.model is loaded
    assert again.normalisation == NORMALISATION
    loaded.config.name_or_path = str(tmp_path / "gone")
    assert load_backbone(loaded).normalisation == {}


def test_half_precision_becomes_float32(tmp_path):
    tiny_resnet().to(torch.bfloat16).save_pretrained(tmp_path)
    assert {parameter.dtype for parameter in load_backbone(tmp_path).model.parameters()} == {torch.float32}


def family_folder(family: str, folder: Path) -> tuple[PreTrainedModel, str]:
    """Saves a tiny model; returns it and the name of its classifier."""
    model = randomised(AutoModelForImageClassification.from_config, FAMILIES[family])
    model.save_pretrained(folder)
    return model, head_names(model)[0]


def change_tensors(folder: Path, **changes: object) -> None:
    tensors = load_file(folder / "model.safetensors")
    for name, change in changes.items():
        tensors[name] = change(tensors.pop(name))
    kept = {name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def gets_a_new_head(folder: Path, model: PreTrainedModel, head: str) -> None:
    fresh = load_backbone(folder, num_labels=3, head=HEADS["new"]).model
    state = fresh.state_dict()
    assert state[f"{head}.weight"].shape[0] == fresh.config.num_labels == 3
    assert all(parameter.requires_grad for parameter in fresh.parameters())
    for name, tensor in model.state_dict().items():
        if not name.startswith(f"{head}."):
            assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda _: None, "missing {head}.bias"), (lambda rows: rows[:4], "{head}.bias of shape (4,) instead of (5,)")],
    ids=["none", "other rows"],
)
def test_weights_without_a_classifier_that_fits_get_a_new_one_or_are_refused(family, change, said, tmp_path):
    model, head = family_folder(family, tmp_path)
    change_tensors(tmp_path, **{f"{head}.weight": change, f"{head}.bias": change})
    message = refused(tmp_path)
    assert said.format(head=head) in message
    assert "--head new" in message
    gets_a_new_head(tmp_path, model, head)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_model_that_never_had_a_classifier(family, tmp_path):
    base = AutoModel.from_config(FAMILIES[family])
    base.save_pretrained(tmp_path)
    assert "--head new" in refused(tmp_path)
    fresh = load_backbone(tmp_path, 3, head=HEADS["new"]).model
    inner = getattr(fresh, fresh.base_model_prefix).state_dict()
    assert all(torch.equal(inner[name], tensor) for name, tensor in base.state_dict().items() if name in inner)


@pytest.mark.parametrize("head", HEADS)
def test_nothing_but_the_classifier_may_be_missing(tmp_path, head):
    tiny_resnet().save_pretrained(tmp_path)
    name = "resnet.encoder.stages.1.layers.0.layer.0.convolution.weight"
    change_tensors(tmp_path, **{name: lambda _: None})
    assert f"missing {name}" in refused(tmp_path, head)


@pytest.mark.parametrize("head", HEADS)
def test_no_tensor_may_be_left_over(tmp_path, head):
    tiny_resnet().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({**tensors, "resnet.gate.weight": torch.ones(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    assert "unexpected resnet.gate.weight" in refused(tmp_path, head)


def test_what_a_base_model_had_before_another_head_is_named(tmp_path, caplog):
    AutoModel.from_config(FAMILIES["vit"]).save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        load_backbone(tmp_path, 3, head=HEADS["new"])
    assert "pooler.dense.weight" in caplog.text


def test_from_backbone_names_what_reads_other_layouts(tmp_path):
    folder = timm_folder(tmp_path, tiny_resnet())
    for name in (folder, folder / "model.safetensors"):
        said = refusal(VPNsForImageClassification.from_backbone, name, error=ValueError)
        assert "vpns_hf.load_backbone" in said
    backbone = load_backbone(folder)
    model = VPNsForImageClassification.from_backbone(
        backbone.model, image_size=16, prompt_size=2, **backbone.normalisation
    )
    assert model.config.image_std == PRETRAINED["std"]


@pytest.mark.parametrize(
    ("make", "advice"), [(tiny_model, ", or save its to_backbone() to a folder"), (thin_model, " it was made from")]
)
def test_what_to_give_in_the_place_of_a_pruned_model(make, advice, tmp_path):
    make().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=rf"it is a pruned model already; give the dense one{re.escape(advice)}$"):
        load_backbone(tmp_path)


def unpruned_model(**fields) -> VPNsForImageClassification:
    """The tiny model with all weights."""
    model = tiny_model(image_std=[0.5, 0.25, 0.2], **fields)
    for mask in model.masks().values():
        mask.fill_(True)
    return model


def test_a_dense_reference_is_a_backbone_of_its_own_classes(tmp_path):
    reference = unpruned_model(visual_prompt="none")
    reference.save_pretrained(tmp_path)
    backbone = load_backbone(tmp_path, 3)
    assert list(backbone.model.config.id2label.values()) == ["cat", "dog", "owl"]
    assert (backbone.image_size, backbone.lost_head) == (16, None)
    again = VPNsForImageClassification.from_backbone(
        backbone.model, image_size=16, prompt_size=2, **backbone.normalisation
    )
    with torch.no_grad():
        expected = reference(pictures()).logits
        torch.testing.assert_close(again(pictures(), prompted=False).logits, expected)


def test_a_dense_model_with_a_prompt_is_to_be_exported(tmp_path):
    unpruned_model().save_pretrained(tmp_path)
    command = f"vpns export {tmp_path} --layout transformers --output_dir NEW"
    assert refused(tmp_path) == f"it has a visual prompt, which no backbone has; give what `{command}` writes"
