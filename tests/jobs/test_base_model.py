"""The dense model that every sparsity starts from: its classes are the backbone's where they have the same names."""

from __future__ import annotations

import json
import logging
import re

import pytest
import torch
from transformers import MobileViTImageProcessorPil

from tests.helpers import refusal, tiny_resnet
from tests.training_helpers import tiny_arguments
from vpns_hf.errors import InputError
from vpns_hf.jobs.base_model import BaseModelBuilder

NAMES = ["ant", "bee", "cat", "dog", "emu"]


def own_classifier():
    backbone = tiny_resnet()
    backbone.config.id2label = dict(enumerate(NAMES))
    return backbone


def base_for(folder, class_names, **changes):
    args = tiny_arguments(folder, **changes)
    return BaseModelBuilder(args, class_names, torch.device("cpu")).load(own_classifier(), None)


@pytest.mark.parametrize("changes", [{}, {"pretrain_epochs": 1}, {"label_mapping": "name"}])
def test_ones_own_classes_are_read_by_name_from_the_start(tmp_path, changes):
    base = base_for(tmp_path, NAMES[::-1], **changes)
    assert base.label_mapping.tolist() == [4, 3, 2, 1, 0]
    assert base.config.label_mapping_method == "name"


def test_other_classes_are_read_by_frequency_and_a_partial_overlap_is_warned_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        base = base_for(tmp_path, ["bee", "cow"])
    assert base.config.label_mapping_method == "frequency"
    [said] = [message for message in caplog.messages if "classes" in message]
    assert "'bee'" in said


def test_positions_that_contradict_names_are_refused_unless_they_are_trained(tmp_path):
    with pytest.raises(InputError, match="'emu' would be read from the 'ant'"):
        base_for(tmp_path, NAMES[::-1], label_mapping="identity")
    base = base_for(tmp_path, NAMES[::-1], label_mapping="identity", pretrain_epochs=1)
    assert base.label_mapping.tolist() == [0, 1, 2, 3, 4]


def load(folder, **changes):
    return BaseModelBuilder(tiny_arguments(folder, **changes), ["ant", "bee"], torch.device("cpu")).load(folder, None)


def test_pixels_that_no_mean_and_std_can_say_are_refused_unless_these_are_given(tmp_path):
    own_classifier().save_pretrained(tmp_path)
    fields = {"image_processor_type": "SuperPointImageProcessor", "do_grayscale": True}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields))
    line = refusal(load, tmp_path, image_mean=[0.5] * 3)
    assert re.search(r"SuperPointImageProcessor.*give image_mean and image_std", line)
    assert load(tmp_path, image_mean=[0.5] * 3, image_std=[0.25] * 3).config.image_std == [0.25] * 3


def test_the_order_of_channels_is_kept(tmp_path):
    own_classifier().save_pretrained(tmp_path)
    MobileViTImageProcessorPil().save_pretrained(tmp_path)
    base, given = load(tmp_path), load(tmp_path, image_mean=[0.1, 0.2, 0.3], image_std=[1.0] * 3)
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(base.normalise(x), x[:, [2, 1, 0]])
    assert torch.allclose(given.normalise(x)[:, 0], x[:, 2] - 0.1)
