"""A saved folder holds a stock image processor that gives what the model expects: I x I pixels in [0, 1]."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, pipeline

from tests.helpers import pictures, tiny_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.jobs.output import image_processor, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "sparsity-60"
    save_model(tiny_model(), folder)
    return folder


def image(size: int, seed: int = 0) -> Image.Image:
    return Image.fromarray((pictures(1, size, seed)[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy())


def test_an_image_of_the_right_size_is_only_scaled(folder):
    processor, picture = AutoImageProcessor.from_pretrained(folder), image(16)
    pixels = processor(picture, return_tensors="pt")["pixel_values"]
    expected = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
    assert torch.allclose(pixels, expected[None], atol=1e-7)
    assert 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.parametrize("size", [9, 40])
def test_other_sizes_become_the_models(folder, size):
    processor = AutoImageProcessor.from_pretrained(folder)
    pixels = processor(image(size), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 16, 16)
    expected = np.asarray(image(size).resize((16, 16), Image.Resampling.BILINEAR)) / 255
    # Where torchvision is installed it resizes, and rounds a few pixels the other way.
    assert np.allclose(pixels[0].permute(1, 2, 0).numpy(), expected, atol=1 / 255 + 1e-6)
    assert np.abs(pixels[0].permute(1, 2, 0).numpy() - expected).mean() < 0.1 / 255


def test_the_size_is_the_input_size_not_the_prompted_one():
    model = tiny_model(visual_prompt="expand", image_size=12, output_size=16)
    assert dict(image_processor(model).size) == {"height": 12, "width": 12}


def test_the_processor_is_a_stock_one_without_code(folder):
    saved = json.loads((folder / "preprocessor_config.json").read_text())
    assert "auto_map" not in saved
    assert saved["do_normalize"] is False
    assert saved["image_processor_type"].startswith("ViTImageProcessor")


def test_the_pipeline_answers_with_the_class_names(folder):
    model = VPNsForImageClassification.from_pretrained(folder)
    answers = pipeline("image-classification", model=str(folder))(image(16), top_k=3)
    pixels = AutoImageProcessor.from_pretrained(folder)(image(16), return_tensors="pt")["pixel_values"]
    probabilities = model(pixels).logits.softmax(1)[0].tolist()
    expected = {model.config.id2label[index]: value for index, value in enumerate(probabilities)}
    assert {answer["label"]: answer["score"] for answer in answers} == pytest.approx(expected, rel=1e-5)


def test_a_folder_is_replaced_whole(tmp_path):
    folder = tmp_path / "sparsity-60"
    folder.mkdir()
    (folder / "stale.txt").write_text("old")
    save_model(tiny_model(), folder)
    assert not (folder / "stale.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["sparsity-60"]
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= {path.name for path in folder.iterdir()}
