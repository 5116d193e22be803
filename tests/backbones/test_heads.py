from __future__ import annotations

import copy
import re

import pytest
import torch

from tests.helpers import refusal, same, tiny_resnet
from vpns_hf.backbones import HEADS, Backbone


def test_the_mapped_head_is_the_backbones_own():
    backbone = Backbone(tiny_resnet(), {})
    for num_labels in (3, 5, None):
        assert HEADS["mapped"](backbone, num_labels) is backbone


def test_too_few_classes_to_map_name_the_alternative():
    said = refusal(HEADS["mapped"], Backbone(tiny_resnet(), {}), 6)
    assert re.search("6 target classes .* 5 classes.*--head new", said)


@pytest.mark.parametrize("num_labels", [3, 9])
def test_a_new_head_keeps_everything_below(num_labels):
    backbone = tiny_resnet()
    before = copy.deepcopy(backbone.state_dict())
    fresh = HEADS["new"](Backbone(backbone, {}), num_labels).model
    assert fresh is not backbone
    assert fresh.config.num_labels == num_labels
    assert fresh.classifier[1].out_features == num_labels
    assert len(fresh.config.label2id) == num_labels
    for key, value in fresh.state_dict().items():
        if not key.startswith("classifier."):
            assert torch.equal(value, before[key]), key
    assert backbone.config.num_labels == 5
    assert same(backbone.state_dict(), before)


def test_a_new_head_is_new_with_as_many_classes_too():
    backbone = tiny_resnet()
    fresh = HEADS["new"](Backbone(backbone, {}), 5).model
    assert not torch.equal(fresh.classifier[1].weight, backbone.classifier[1].weight)
    assert torch.equal(
        fresh.resnet.embedder.embedder.convolution.weight, backbone.resnet.embedder.embedder.convolution.weight
    )


def new_head(seed: int) -> torch.Tensor:
    backbone = tiny_resnet()
    torch.manual_seed(seed)
    return HEADS["new"](Backbone(backbone, {}), 3).model.classifier[1].weight


def test_a_new_head_is_seeded():
    assert torch.equal(new_head(1), new_head(1))
    assert not torch.equal(new_head(1), new_head(2))
