"""The dense model that every sparsity starts from: its classes are the backbone's where they have the same names."""

from __future__ import annotations

import logging

import pytest
import torch

from tests.helpers import tiny_resnet
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
