from __future__ import annotations

import pytest
import torch

from tests.helpers import copied, same, tiny_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.pruning import effective_density, empty_layers, layer_records


@pytest.fixture
def model() -> VPNsForImageClassification:
    """Everything kept, three of five classes read."""
    model = tiny_model()
    for mask in model.masks().values():
        mask.fill_(True)
    model.label_mapping.copy_(torch.tensor([4, 0, 2]))
    return model


def test_one_record_per_layer_in_the_order_of_the_model(model):
    model.masks()["classifier.1"][:, :3] = False
    records = layer_records(model)
    assert [record.name for record in records] == list(model.masks())
    head = records[-1]
    assert head.name == "classifier.1"
    assert head.shape == (5, 12)
    assert (head.nonzero, head.total, head.density) == (45, 60, 0.75)
    assert all(record.density == 1 for record in records[:-1])
    assert sum(record.nonzero for record in records) / sum(record.total for record in records) == 1 - model.sparsity


def test_empty_layers_are_named(model):
    assert empty_layers(model) == []
    masks = model.masks()
    first, last = list(masks)[1], list(masks)[-1]
    masks[first].fill_(False)
    masks[last].fill_(False)
    assert empty_layers(model) == [first, last]
    masks[last][0, 0] = True
    assert empty_layers(model) == [first]


def test_rows_of_the_head_that_no_class_reads_do_not_count(model):
    others = sum(mask.numel() for mask in model.masks().values()) - 60
    head = model.masks()["classifier.1"]
    head[[1, 3]] = False
    assert effective_density(model) == 1
    head[4, :6] = False
    assert effective_density(model) == (others + 30) / (others + 36)


def test_counting_leaves_the_masks_alone(model):
    before = copied(model.masks())
    effective_density(model), empty_layers(model), layer_records(model)
    assert same(model.masks(), before)
