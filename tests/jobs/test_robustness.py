"""What a job does with unusual backbones, diverging training and results that are there already."""

from __future__ import annotations

import logging

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTImageProcessorPil

from tests.helpers import contents, pictures, refusal, tiny_model, tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments, tiny_trainer
from vpns_hf import InputError, VPNsTrainer
from vpns_hf.jobs.output import image_processor, save_model

pytestmark = pytest.mark.slow  # whole jobs


def test_the_backbone_is_normalised_as_it_was_trained(tmp_path):
    tiny_resnet().save_pretrained(tmp_path / "backbone")
    ViTImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(tmp_path / "backbone")
    base = tiny_trainer(tmp_path, model=str(tmp_path / "backbone")).base
    x = pictures()
    expected = tiny_resnet().eval()((x - 0.5) / 0.25).logits[:, :3]
    torch.testing.assert_close(base(x, prompted=False).logits, expected)


def test_mean_and_std_can_be_given(tmp_path):
    base = tiny_trainer(tmp_path, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).base
    assert (base.config.image_mean, base.config.image_std) == ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])


def test_an_unknown_normalisation_is_said(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        tiny_trainer(tmp_path)
    assert "ImageNet's mean and std" in caplog.text


def test_a_backbone_in_half_precision_is_trained_in_float32(tmp_path):
    tiny_resnet().to(torch.bfloat16).save_pretrained(tmp_path / "backbone")
    trainer = tiny_trainer(tmp_path, model=str(tmp_path / "backbone"))
    trainer.train()
    assert trainer.models[0.5].dtype == torch.float32


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_the_saved_processor_takes_pictures_of_any_mode(mode):
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)).quantize(16)
    picture = colours.convert(mode)
    processor = image_processor(tiny_model())
    given = processor(picture, return_tensors="pt")["pixel_values"]
    assert torch.equal(given, processor(picture.convert("RGB"), return_tensors="pt")["pixel_values"])


def test_a_diverging_run_ends_in_one_line_and_leaves_old_results(tmp_path):
    tiny_trainer(tmp_path).train()
    before = contents(tmp_path / "out")
    trainer = tiny_trainer(tmp_path, learning_rate=1e30, overwrite_output_dir=True, finetune_epochs=3)
    assert "diverged; lower the learning rates" in refusal(trainer.train)
    assert before.items() <= contents(tmp_path / "out").items()


def test_the_split_that_was_measured_is_recorded_by_its_name(tmp_path):
    train, test = coloured_split(40), coloured_split(12, seed=1)
    trainer = VPNsTrainer(
        tiny_resnet(), tiny_arguments(tmp_path, dense_reference=True), train, train, test, test_split="valid"
    )
    results = trainer.train()
    assert (results["dense"]["split"], results["runs"][0]["split"]) == ("valid", "valid")
    assert "on the valid split" in (tmp_path / "out" / "sparsity-50" / "README.md").read_text()


@pytest.mark.parametrize("model", [torch.nn.Linear(2, 2), None])
def test_a_model_of_another_kind_is_refused(tmp_path, model):
    with pytest.raises(InputError, match="model is a"):
        VPNsTrainer(model, tiny_arguments(tmp_path), coloured_split(20), None, coloured_split(8))


def test_all_splits_at_once_are_refused(tmp_path):
    both = datasets.DatasetDict({"train": coloured_split(20), "test": coloured_split(8)})
    with pytest.raises(InputError, match=r"a DatasetDict; give one split"):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), both)


def test_who_may_read_the_configuration_may_read_the_weights(tmp_path):
    save_model(tiny_model(), tmp_path / "model")
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert len(modes) == 1
