"""A model that version 0.1.0 saved, in format 2, is what it was: with this package, and with the code it carries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageClassification

from tests.models.isolated import run
from vpns_hf import VPNsForImageClassification

FIXTURE = Path(__file__).parents[1] / "fixtures" / "format2"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    """Pixels, and the logits of both views, as they were when the model was saved."""
    return load_file(FIXTURE / "expected.safetensors")


def test_the_package_computes_the_same(expected):
    model = AutoModelForImageClassification.from_pretrained(FIXTURE / "model")
    assert type(model) is VPNsForImageClassification
    for view in ("prompted", "plain"):
        logits = model(expected["pixels"], prompted=view == "prompted").logits
        torch.testing.assert_close(logits, expected[view], rtol=0, atol=1e-6)


def test_the_package_writes_the_same_bytes(tmp_path):
    VPNsForImageClassification.from_pretrained(FIXTURE / "model").save_pretrained(tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == (FIXTURE / "model" / WEIGHTS).read_bytes()


@pytest.mark.slow
def test_the_code_it_carries_computes_the_same(expected, tmp_path):
    folder = shutil.copytree(FIXTURE / "model", tmp_path / "model")
    save_file({"x": expected["pixels"]}, tmp_path / "pictures.safetensors")
    Image.new("RGB", (20, 20)).save(tmp_path / "picture.png")
    run("remote_code.py", tmp_path, folder)
    found = load_file(tmp_path / "output" / "tensors.safetensors")
    for view in ("prompted", "plain"):
        torch.testing.assert_close(found[view], expected[view], rtol=0, atol=1e-6)
