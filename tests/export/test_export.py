from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
)

from tests.backbones.foreign import PRETRAINED, foreign_tensors, timm_folder
from tests.families import FAMILIES
from tests.helpers import pictures, randomised, refusal, same, tiny_model, tiny_resnet
from vpns_hf.backbones import IMAGENET, TIMM_NETWORKS, Backbone, load_backbone
from vpns_hf.export import EXPORTS, export_model
from vpns_hf.jobs.output import save_model
from vpns_hf.models.configuration_vgg import VggConfig
from vpns_hf.models.modeling_vgg import VggForImageClassification


@pytest.fixture
def pruned_folder(tmp_path) -> Path:
    save_model(tiny_model(image_mean=[0.5, 0.4, 0.3]), tmp_path / "pruned")
    return tmp_path / "pruned"


@pytest.mark.parametrize("library", ["timm", "torchvision"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_vgg_there_and_back(library, batch_norm, tmp_path, monkeypatch):
    config = VggConfig(depths=[1, 1, 2, 2, 2], hidden_sizes=[4] * 5, classifier_size=12, batch_norm=batch_norm)
    backbone = randomised(VggForImageClassification, config)
    monkeypatch.setitem(TIMM_NETWORKS, "vgg11", config)
    backbone.save_pretrained(tmp_path / "in")
    export_model(tmp_path / "in", library, tmp_path / "out")
    source = {"timm": tmp_path / "out", "torchvision": tmp_path / "out" / "model.pth"}[library]
    state = load_backbone(source).model.state_dict()
    assert same(backbone.state_dict(), state)


@pytest.mark.parametrize("side, is_warned", [(255, False), (256, True)])
def test_large_pictures_are_another_thing_to_timms_vggs(side, is_warned, tmp_path, monkeypatch, caplog):
    config = VggConfig(hidden_sizes=[4] * 5, classifier_size=12)
    monkeypatch.setitem(TIMM_NETWORKS, "vgg16", config)
    backbone = Backbone(randomised(VggForImageClassification, config), IMAGENET, side)
    EXPORTS["timm"](backbone, tmp_path)
    assert ("slides" in caplog.text) == is_warned


def test_a_pruned_model_is_folded_for_transformers(pruned_folder, tmp_path):
    exported = export_model(pruned_folder, "transformers", tmp_path / "out")
    assert exported.files == ["config.json", "model.safetensors", "preprocessor_config.json"]
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out")
    processor = AutoImageProcessor.from_pretrained(tmp_path / "out")
    assert type(model) is ResNetForImageClassification
    assert (list(processor.image_mean), processor.size["height"]) == ([0.5, 0.4, 0.3], 16)
    pruned = tiny_model(image_mean=[0.5, 0.4, 0.3])
    torch.testing.assert_close(model(pruned.normalise(pictures())).logits, pruned(pictures(), prompted=False).logits)
    assert model.config.id2label == pruned.config.id2label


def test_what_a_fold_loses_is_said(pruned_folder, tmp_path):
    said = str(export_model(pruned_folder, "transformers", tmp_path / "out"))
    assert "60.77% of the prunable weights are 0" in said
    assert "The visual prompt is not part of it" in said
    tiny_resnet().save_pretrained(tmp_path / "dense")
    assert "prompt" not in str(export_model(tmp_path / "dense", "transformers", tmp_path / "again"))


def test_a_pruned_model_is_folded_for_torchvision(pruned_folder, tmp_path):
    assert export_model(pruned_folder, "torchvision", tmp_path / "out").files == ["model.pth"]
    tensors = torch.load(tmp_path / "out" / "model.pth", weights_only=True)
    expected = foreign_tensors(tiny_model().to_dense(), "torchvision")
    assert tensors.keys() == expected.keys()
    assert same(expected, tensors)


def test_the_configuration_for_timm(tmp_path, monkeypatch):
    backbone = tiny_resnet()
    monkeypatch.setitem(TIMM_NETWORKS, "resnet10", backbone.config)
    export_model(timm_folder(tmp_path / "in", backbone, label_names=list("abcde")), "timm", tmp_path / "out")
    fields = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (fields["architecture"], fields["num_classes"], fields["label_names"]) == ("resnet10", 5, list("abcde"))
    pretrained = fields["pretrained_cfg"]
    assert {name: pretrained[name] for name in PRETRAINED} == PRETRAINED
    assert (pretrained["first_conv"], pretrained["classifier"]) == ("conv1", "fc")
    assert load_backbone(tmp_path / "out").model.config.id2label == dict(enumerate("abcde"))


def test_timm_cannot_build_a_network_without_a_name(pruned_folder, tmp_path):
    assert "give another --layout" in refusal(export_model, pruned_folder, "timm", tmp_path / "out")


def test_the_same_tensors_may_be_another_network(tmp_path):
    config = ResNetConfig(**{**tiny_resnet().config.to_dict(), "hidden_act": "silu"})
    randomised(ResNetForImageClassification, config).save_pretrained(tmp_path / "in")
    assert "hidden_act" in refusal(export_model, tmp_path / "in", "torchvision", tmp_path / "out")


def test_a_network_the_library_does_not_have(tmp_path):
    randomised(AutoModelForImageClassification.from_config, FAMILIES["vit"]).save_pretrained(tmp_path / "in")
    assert "not for vit" in refusal(export_model, tmp_path / "in", "torchvision", tmp_path / "out")
    assert export_model(tmp_path / "in", "transformers", tmp_path / "out").source.backbone.image_size == 32


@pytest.mark.parametrize("layout", ["torchvision", "transformers"])
def test_nothing_is_overwritten(pruned_folder, tmp_path, layout):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "no empty folder" in refusal(export_model, pruned_folder, layout, tmp_path / "out")
    assert "no empty folder" in refusal(export_model, pruned_folder, layout, tmp_path / "out" / "mine.txt")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert export_model(pruned_folder, layout, tmp_path / "empty").files


def test_a_refusal_leaves_nothing_behind(pruned_folder, tmp_path):
    refusal(export_model, pruned_folder, "timm", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["pruned"]


def test_a_folder_that_cannot_be_made(pruned_folder):
    assert "cannot be written to" in refusal(export_model, pruned_folder, "torchvision", Path("/proc/none/out"))


def test_a_damaged_pruned_model(pruned_folder, tmp_path):
    (pruned_folder / "model.safetensors").write_bytes(b"")
    assert str(pruned_folder) in refusal(export_model, pruned_folder, "transformers", tmp_path / "out")


def test_an_unknown_layout(pruned_folder, tmp_path):
    assert "timm, torchvision, transformers" in refusal(export_model, pruned_folder, "keras", tmp_path / "out")


def test_a_model_that_takes_blue_first(tmp_path):
    fields = {"channel_order": "bgr", "image_mean": [0.0] * 3, "image_std": [1.0] * 3}
    save_model(tiny_model(**fields), tmp_path / "pruned")
    said = str(export_model(tmp_path / "pruned", "transformers", tmp_path / "out"))
    assert "blue first" in said
    noise = Image.fromarray((pictures(1)[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy())
    pixels = AutoImageProcessor.from_pretrained(tmp_path / "out")(noise, return_tensors="pt")["pixel_values"]
    upright = torch.from_numpy(np.array(noise)).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(pixels, tiny_model(**fields).normalise(upright))
    assert "blue first" in refusal(export_model, tmp_path / "pruned", "torchvision", tmp_path / "other")
    save_model(tiny_model(channel_order="bgr"), tmp_path / "moved")
    assert "blue first" in refusal(export_model, tmp_path / "moved", "transformers", tmp_path / "again")


def test_a_model_whose_pixels_no_layout_can_say_is_refused(tmp_path):
    tiny_resnet().save_pretrained(tmp_path / "grey")
    fields = {"image_processor_type": "SuperPointImageProcessor", "do_grayscale": True}
    (tmp_path / "grey" / "preprocessor_config.json").write_text(json.dumps(fields))
    said = refusal(export_model, tmp_path / "grey", "transformers", tmp_path / "out")
    assert "SuperPointImageProcessor" in said
    assert not (tmp_path / "out").exists()
