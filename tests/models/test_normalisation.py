"""Mean and std come from what a backbone was saved with."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import ViTImageProcessorPil

from tests.helpers import pictures, tiny_resnet
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.models.normalisation import normalisation_of


def saved(folder, **processor_fields) -> str:
    tiny_resnet().save_pretrained(folder)
    ViTImageProcessorPil(**processor_fields).save_pretrained(folder)
    return str(folder)


def test_mean_and_std_of_the_processor_are_taken(tmp_path):
    folder = saved(tmp_path, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.5])
    model = VPNsForImageClassification.from_backbone(folder, image_size=16, prompt_size=2)
    x = pictures()
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1), torch.tensor([0.2, 0.25, 0.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(model(x, prompted=False).logits, tiny_resnet().eval()((x - mean) / std).logits)


def test_what_is_given_comes_first(tmp_path):
    folder = saved(tmp_path, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    model = VPNsForImageClassification.from_backbone(folder, image_size=16, prompt_size=2, image_mean=[0.1, 0.2, 0.3])
    assert model.config.image_mean == [0.1, 0.2, 0.3]
    assert model.config.image_std == [0.5, 0.5, 0.5]


def test_a_processor_that_does_not_normalise(tmp_path):
    assert normalisation_of(saved(tmp_path, do_normalize=False)) == {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}


@pytest.mark.parametrize("fields", [None, {}, {"image_mean": 0.5, "image_std": 0.5}])
def test_nothing_is_known_without_three_numbers_each(tmp_path, fields):
    if fields is not None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields))
    assert normalisation_of(tmp_path) == {}
