from __future__ import annotations

import pytest
import torch

from tests.helpers import tiny_model
from vpns_hf.reporting import binary_entropy, storage_size


@pytest.mark.parametrize(
    ("density", "bits"), [(0.5, 1.0), (0.25, 0.811278), (0.1, 0.468996), (0.9, 0.468996), (0.0, 0.0), (1.0, 0.0)]
)
def test_entropy_by_hand(density, bits):
    assert binary_entropy(density) == pytest.approx(bits, abs=1e-6)


def test_the_parts_are_counted_from_the_masks():
    model = tiny_model().to(torch.bfloat16)
    masks = model.masks()
    total, kept = sum(mask.numel() for mask in masks.values()), sum(int(mask.sum()) for mask in masks.values())
    size = storage_size(model)
    assert size.values == 2 * kept
    assert size.mask == sum(-(-mask.numel() // 8) for mask in masks.values())
    masked = sum(layer.weight.nbytes + layer.weight_mask.nbytes for layer in model.masked_layers().values())
    assert size.other == sum(value.nbytes for value in model.state_dict().values()) - masked
    assert size.total == size.values + size.mask + size.other
    assert size.entropy_bound == pytest.approx(total * binary_entropy(kept / total) / 8)


def test_another_number_of_kept_weights_can_be_asked_for():
    model = tiny_model()
    assert storage_size(model, kept=10).values == 40
    assert storage_size(model, kept=10).other == storage_size(model).other
