"""A ResNet-18 of full size on disk, at every sparsity that is published."""

from __future__ import annotations

import pytest
import torch

from scripts.benchmarks.storage import prune_at_random, pruned_resnet18
from vpns_hf import VPNsForImageClassification
from vpns_hf.reporting import storage_size

SPARSITIES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=str)
def model(request) -> VPNsForImageClassification:
    return pruned_resnet18(0.0, request.param)


@pytest.mark.slow
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_the_file_is_kept_values_one_bit_per_weight_and_the_other_tensors(model, sparsity, tmp_path):
    prune_at_random(model, sparsity)
    model.save_pretrained(tmp_path)
    masks = model.masks().values()
    total, kept = sum(mask.numel() for mask in masks), sum(int(mask.sum()) for mask in masks)
    assert total == 11_678_912
    assert kept == total - int(sparsity * total)
    other = storage_size(model).other
    assert other < 0.02 * 4 * total
    size = (tmp_path / "model.safetensors").stat().st_size
    assert size <= 1.03 * (model.dtype.itemsize * kept + total / 8 + other)


@pytest.mark.slow
def test_it_comes_back_from_several_files(model, tmp_path):
    prune_at_random(model, 0.9)
    model.save_pretrained(tmp_path, max_shard_size="1MB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert loaded.dtype == model.dtype
    for name, layer in loaded.masked_layers().items():
        original = model.masked_layers()[name]
        assert torch.equal(layer.weight_mask, original.weight_mask)
        assert torch.equal(layer.weight, original.masked())
