from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.backbones.foreign import foreign_tensors
from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TimmVgg, filled
from tests.helpers import tiny_resnet
from vpns_hf.backbones import TIMM_NETWORKS, load_backbone


@pytest.fixture
def export(vpns):
    return partial(vpns, "export")


# At full size, but for the VGG's channels.
NETWORKS = {
    "resnet18": lambda: filled(ResNet, BasicBlock, [2, 2, 2, 2]),
    "resnet50": lambda: filled(ResNet, Bottleneck, [3, 4, 6, 3]),
    "vgg16": lambda: filled(TimmVgg, 16, False, shrink=16, width=16),
    "vgg16_bn": lambda: filled(TimmVgg, 16, True, shrink=16, width=16),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_from_timm_to_transformers_and_back_no_bit_changes(export, name, tmp_path, monkeypatch):
    tensors = NETWORKS[name]().state_dict()
    (tmp_path / "timm").mkdir()
    save_file(tensors, tmp_path / "timm" / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "timm" / "config.json").write_text(json.dumps({"architecture": name, "num_classes": 1000}))
    if name.startswith("vgg"):
        monkeypatch.setitem(TIMM_NETWORKS, name, load_backbone(tmp_path / "timm").model.config)
    for source, layout in (("timm", "transformers"), ("transformers", "timm")):
        ended = export(
            tmp_path / source, "--layout", layout, "--output_dir", tmp_path / f"{layout}{'2' * (layout == 'timm')}"
        )
        assert ended.code == 0, ended.err
    first, last = (tmp_path / name / "model.safetensors" for name in ("timm", "timm2"))
    assert first.read_bytes() == last.read_bytes()
    assert json.loads((tmp_path / "timm2" / "config.json").read_text())["architecture"] == name
    again = load_file(last)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in tensors.items())


def test_what_cannot_be_exported_is_said_in_one_line(export, tmp_path):
    out = ("--output_dir", tmp_path / "out")
    tensors = foreign_tensors(tiny_resnet())
    torch.save({key: tensor for key, tensor in tensors.items() if not key.startswith("fc")}, tmp_path / "headless.pth")
    torch.save({**tensors, "conv1.popup_scores": torch.ones(1)}, tmp_path / "scores.pth")
    for arguments, message in (
        ((tmp_path / "headless.pth", "--layout", "timm", *out), "only a whole classifier can be exported"),
        ((tmp_path / "scores.pth", "--layout", "timm", *out), "`vpns convert`"),
        (("resnet-small", "--layout", "timm", *out), "untrained"),
        (("", "--layout", "timm", *out), "the name of the model is empty"),
        ((tmp_path, "--layout", "keras", *out), "choose from"),
        ((tmp_path,), "--layout, --output_dir"),
    ):
        ended = export(*arguments)
        assert (ended.code, ended.out) == (2, "")
        [line] = ended.err.splitlines()
        assert line.startswith("vpns export: error: ")
        assert message in line
    assert not (tmp_path / "out").exists()


def test_it_says_what_was_written(export, tmp_path):
    tiny_resnet().save_pretrained(tmp_path / "in")
    ended = export(tmp_path / "in", "--layout", "torchvision", "--output_dir", tmp_path / "out")
    assert ended.code == 0
    assert "ResNetForImageClassification, 5 classes: model.pth" in ended.out
    assert ended.out.rstrip().endswith(f"Written to {tmp_path / 'out'}")


def test_a_folder_in_use_is_refused_in_one_line(export, tmp_path):
    tiny_resnet().save_pretrained(tmp_path / "in")
    ended = export(tmp_path / "in", "--layout", "torchvision", "--output_dir", tmp_path / "in")
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("vpns export: error: output_dir")


def test_help(export):
    ended = export("--help")
    assert (ended.code, ended.err) == (0, "")
    for word in ("--layout", "torchvision: model.pth", "resnet18"):
        assert word in " ".join(ended.out.split())
