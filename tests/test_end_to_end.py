"""From the command a user types to a model that Hugging Face loads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

import vpns_hf
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import load_image_dataset

ROOT = Path(vpns_hf.__file__).parents[1]
QUICK = [
    *("--max_train_samples", "200", "--max_eval_samples", "60", "--max_test_samples", "60"),
    *("--pretrain_epochs", "1", "--find_mask_epochs", "1", "--finetune_epochs", "1", "--sparsities", "0.5", "0.8"),
]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs a command in the root of the project, on the CPU, where the package can be imported."""
    settings = {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "1", **environment}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A finished job with the model it saved, as it is loaded from its folder."""
    trainer = tiny_trainer(tmp_path_factory.mktemp("job"), sparsities=[0.6])
    trainer.train()
    return trainer, trainer.models[0.6]


@pytest.fixture
def picture() -> Image.Image:
    """A real scan, in colour and of another size than the model's."""
    return load_image_dataset("digits")["test"][0]["image"].convert("RGB").resize((23, 31))


@pytest.mark.slow
def test_the_first_command_of_the_readme(tmp_path):
    output = tmp_path / "out"
    launch = [
        *("-m", "accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
        *("scripts/prune.py", "--output_dir", str(output), *QUICK),
    ]
    finished = run(*launch, VPNS_CACHE=str(tmp_path / "cache"))
    assert finished.returncode == 0, finished.stderr
    results = json.loads((output / "results.json").read_text())
    assert [entry["sparsity_requested"] for entry in results["runs"]] == [0.5, 0.8]
    assert results["command"].startswith("accelerate launch --num_processes 1 --mixed_precision no scripts/prune.py")
    for entry in results["runs"]:
        model = VPNsForImageClassification.from_pretrained(output / entry["path"])
        assert model.sparsity == entry["sparsity"]
        assert f"{entry['nonzero']:,} |" in finished.stdout
    # Progress goes to standard error, a line for each epoch where no terminal shows bars; results to standard output.
    lines = [line for line in finished.stderr.splitlines() if ", epoch " in line]
    assert "\r" not in finished.stderr
    for place, stage in enumerate(("pretrain", "finetune", "find_mask", "finetune", "find_mask", "finetune"), 1):
        assert any(f"{stage} (stage {place} of 6), epoch " in line for line in lines), stage
    assert re.search(r"stage 6 of 6.* loss .*, accuracy .*; \d\d:\d\d so far, about 00:00 left$", lines[-1])
    assert "Traceback" not in finished.stderr


@pytest.mark.slow
def test_every_way_of_loading_gives_the_same_logits(saved):
    trainer, model = saved
    folder = trainer.models.folder(0.6)
    pixels = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    by_class = VPNsForImageClassification.from_pretrained(folder)
    by_type = AutoModelForImageClassification.from_pretrained(folder)
    for prompted in (None, True, False):
        expected = model(pixels, prompted=prompted).logits
        assert torch.equal(by_class(pixels, prompted=prompted).logits, expected)
        assert torch.equal(by_type(pixels, prompted=prompted).logits, expected)


@pytest.mark.slow
def test_the_saved_model_is_the_trained_one(tmp_path, monkeypatch):
    kept = {}
    trainer = tiny_trainer(tmp_path, sparsities=[0.6])
    original = trainer.folder.save

    def keep(model, sparsity, is_first) -> str:
        pixels = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            kept.update({view: model(pixels, prompted=view).logits for view in (True, False)}, pixels=pixels)
        return original(model, sparsity, is_first)

    monkeypatch.setattr(trainer.folder, "save", keep)
    trainer.train()
    for view in (True, False):
        assert torch.equal(trainer.models[0.6](kept["pixels"], prompted=view).logits, kept[view])


def test_the_pipeline_classifies_a_picture(saved, picture):
    trainer, model = saved
    folder = trainer.models.folder(0.6)
    pixels = AutoImageProcessor.from_pretrained(folder)(picture, return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 16, 16)
    assert 0 <= pixels.min() < pixels.max() <= 1
    with torch.no_grad():
        probabilities = model(pixels).logits.softmax(1)[0]
    classify = pipeline("image-classification", model=str(folder), device="cpu")
    answers = {answer["label"]: answer["score"] for answer in classify(picture, top_k=3)}
    assert answers == pytest.approx(
        {model.config.id2label[i]: p.item() for i, p in enumerate(probabilities)}, abs=1e-6
    )


def test_the_processor_shows_the_model_what_it_was_measured_on(saved):
    trainer, _ = saved
    processor = AutoImageProcessor.from_pretrained(trainer.models.folder(0.6))
    pictures = [row["image"] for row in trainer.splits.test]
    processed = processor(pictures, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(processed, trainer.images.test.images / 255, rtol=0, atol=1e-6)


def test_the_card_and_the_table_say_what_was_measured(saved):
    trainer, _ = saved
    [result] = trainer.results.runs
    figure = f"{100 * result.accuracy.plain:.2f}"
    assert figure in (trainer.models.folder(0.6) / "README.md").read_text()
    assert figure in (trainer.output_dir / "results.md").read_text()
