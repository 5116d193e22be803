from __future__ import annotations

import sys

import pytest
from transformers import ResNetForImageClassification

from tests.backbones.foreign import timm_folder
from tests.helpers import randomised, tiny_resnet
from tests.scripts.running import Ended, script_at
from vpns_hf.backbones.timm_networks import TIMM_NETWORKS
from vpns_hf.scripting import run_script


@pytest.fixture
def export(monkeypatch, capsys):
    script = script_at("export.py")

    def call(*argv: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["export.py", *map(str, argv)])
        code = 0
        try:
            run_script(script.main)
        except SystemExit as exit:
            code = exit.code
        return Ended(code, *capsys.readouterr())

    return call


def test_from_timm_to_transformers_and_back_no_bit_changes(export, tmp_path):
    """A ResNet-18 of full size."""
    timm_folder(tmp_path / "timm", randomised(ResNetForImageClassification, TIMM_NETWORKS["resnet18"]))
    for source, layout in (("timm", "transformers"), ("transformers", "timm")):
        ended = export(
            tmp_path / source, "--layout", layout, "--output_dir", tmp_path / f"{layout}{'2' * (layout == 'timm')}"
        )
        assert (ended.code, ended.err) == (0, "")
    first, last = (tmp_path / name / "model.safetensors" for name in ("timm", "timm2"))
    assert first.read_bytes() == last.read_bytes()


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
    assert line.startswith("export.py: error: output_dir")


def test_help(export):
    ended = export("--help")
    assert (ended.code, ended.err) == (0, "")
    for word in ("--layout", "torchvision: model.pth", "resnet18"):
        assert word in " ".join(ended.out.split())
