from __future__ import annotations

import json
import sys
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.backbones.foreign import foreign_tensors
from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TimmVgg, filled
from tests.helpers import contents, tiny_model, tiny_resnet
from tests.training_helpers import coloured_split
from vpns_hf.backbones import TIMM_NETWORKS, load_backbone
from vpns_hf.jobs.output import save_model


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


@pytest.mark.slow
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
        ((tmp_path, *out), "one of the arguments --layout --onnx --mnn is required"),
        ((tmp_path, "--onnx", "--layout", "timm", *out), "not allowed with argument"),
        (
            (tmp_path, "--layout", "timm", "--with_prompt", *out),
            "--with_prompt goes with --onnx or --mnn; leave it out",
        ),
        ((tmp_path, "--layout", "timm", "--int8", "digits", *out), "--int8 goes with --onnx"),
        (
            (tmp_path, "--mnn", "--int8", "digits", *out),
            "--int8 goes with --onnx, there is no file of 8 bits for MNN; ",
        ),
        ((tmp_path, "--onnx", "--mnn", *out), "not allowed with argument"),
        (("--onnx", "--int8", tmp_path, *out), f"required: MODEL (--int8 took {tmp_path} as its data set: give"),
        (("--onnx", "--int8", *out), "required: MODEL; see --help"),
        ((tmp_path, "--onnx", "--int8", *out), "--int8 is calibrated on images of a data set; name it"),
        ((tmp_path, "--onnx", "--int8", "a", "--dataset_name", "b", *out), "not allowed with argument"),
        (
            (tmp_path, "--onnx", "--split", "test", *out),
            "--split is about images, of which there are none; give --int8",
        ),
        (("resnet-small", "--onnx", *out), "untrained"),
    ):
        assert message in export(*arguments).refusal("vpns export")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_pruned_model_becomes_files_in_onnx(training_vpns, data_folder, tmp_path):
    save_model(tiny_model(), tmp_path / "in")
    before = contents(tmp_path / "in")
    data = data_folder(train=coloured_split(30), test=coloured_split(17, seed=5))
    options = ("--onnx", "--int8", data, "--max_test_samples", 12, "--disable_tqdm")
    ended = training_vpns("export", tmp_path / "in", *options, "--output_dir", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert "Measured on 12 images, test split of ./data:" in ended.out
    assert sorted(contents(tmp_path / "out")) == [
        *("README.md", "labels.json", "model.onnx", "model_int8.onnx", "preprocessor_config.json")
    ]
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "out").values())
    assert contents(tmp_path / "in") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "name", "said"),
    [((), "mine/sparsity-70", " MB)"), (("--with_prompt",), "mine", " MB); the visual prompt is part of it")],
)
def test_the_readme_names_the_model_and_the_lines_the_prompt(export, options, name, said, tmp_path):
    save_model(tiny_model(), tmp_path / name)
    ended = export(tmp_path / name, "--onnx", *options, "--output_dir", tmp_path / "out")
    assert ended.out.splitlines()[0].endswith(said)
    heading, _, first, *_ = (tmp_path / "out" / "README.md").read_text().splitlines()
    assert heading == f"# ./{name} for ONNX Runtime"
    assert first.startswith("ResNetForImageClassification, 3 classes: `model.onnx`. ")


@pytest.mark.slow
def test_a_pruned_model_becomes_files_for_mnn(training_vpns, data_folder, tmp_path):
    save_model(tiny_model(), tmp_path / "in")
    before = contents(tmp_path / "in")
    options = ("--mnn", "--dataset_name", data_folder(), "--max_test_samples", 12, "--disable_tqdm")
    ended = training_vpns("export", tmp_path / "in", *options, "--output_dir", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert "Measured on 12 images, test split of ./data:" in ended.out
    assert sum("| model_sparse.mnn |" in line and "100.00%" in line for line in ended.out.splitlines()) == 1
    assert sorted(contents(tmp_path / "out")) == [
        *("README.md", "labels.json", "model.mnn", "model_sparse.mnn", "preprocessor_config.json")
    ]
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "out").values())
    assert contents(tmp_path / "in") == before


@pytest.mark.slow
def test_a_dense_model_is_measured_in_float32(training_vpns, data_folder, tmp_path):
    tiny_resnet(num_labels=3).save_pretrained(tmp_path / "in")
    options = ("--onnx", "--dataset_name", data_folder(), "--disable_tqdm", "--output_dir", tmp_path / "out")
    ended = training_vpns("export", tmp_path / "in", *options)
    assert ended.code == 0
    assert "Measured on 17 images, test split of ./data:" in ended.out
    assert "(224, 224)" in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "model_int8.onnx").exists()


@pytest.mark.parametrize(
    ("name", "option", "extra"),
    [
        *((name, "--onnx", "onnx") for name in ("onnx", "onnxscript", "onnxruntime")),
        ("onnxruntime", "--mnn", "onnx"),
        ("MNN", "--mnn", "mnn"),
    ],
)
def test_the_command_that_installs_what_is_missing(export, name, option, extra, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    line = export(tmp_path, option, "--output_dir", tmp_path / "out").refusal("vpns export")
    assert f'need {name}, which is not installed; pip install "vpns_hf[{extra}]"' in line


def test_data_of_other_classes_are_refused_before_anything_is_written(training_vpns, tmp_path):
    save_model(tiny_model(), tmp_path / "in")
    ended = training_vpns("export", tmp_path / "in", "--onnx", "--int8", "digits", "--output_dir", tmp_path / "out")
    assert "the classes of the data are not those of the model" in ended.refusal("vpns export")
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
    assert ended.refusal("vpns export").startswith("output_dir")
