"""Size on disk of a pruned ResNet-18, and the time to load it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from transformers import ResNetForImageClassification

from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning import num_dropped
from vpns_hf.reporting import StorageSize, storage_size

from .step import resnet18
from .timing import alternate_times, ratio_row

DTYPES = (torch.float32, torch.bfloat16)
SIZE_SPARSITIES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LOAD_SPARSITIES = (0.7, 0.9)
CLASSES = {index: f"class {index}" for index in range(100)}


def pruned_resnet18(sparsity: float, dtype: torch.dtype) -> VPNsForImageClassification:
    """Returns a ResNet-18 for 100 classes with random weights and a random mask of exactly that sparsity."""
    model = VPNsForImageClassification.from_backbone(resnet18(), id2label=CLASSES).to(dtype)
    prune_at_random(model, sparsity)
    return model


def prune_at_random(model: VPNsForImageClassification, sparsity: float) -> None:
    """Replaces the masks by random ones of exactly that sparsity."""
    masks = model.masks().values()
    sizes = [mask.numel() for mask in masks]
    places = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(0))
    kept = torch.ones(sum(sizes), dtype=torch.bool)
    kept[places[: num_dropped(sum(sizes), sparsity)]] = False
    for mask, part in zip(masks, kept.split(sizes), strict=True):
        mask.copy_(part.view(mask.shape))


def benchmark_size() -> list[dict]:
    """Measures the weight file of `save_pretrained` beside what it holds: kept values, one bit per weight, other tensors.

    Returns:
        One dict per dtype and sparsity: `name`; `ours`, the file with its header, and `reference` in MB; their `ratio`;
        and in the name the mask's bytes beside the least that any code takes on average for a mask of random places.
    """
    return [_size(dtype, sparsity) for dtype in DTYPES for sparsity in SIZE_SPARSITIES]


def _size(dtype: torch.dtype, sparsity: float) -> dict:
    model = pruned_resnet18(sparsity, dtype)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        measured = (Path(folder) / "model.safetensors").stat().st_size / 1e6
    size = storage_size(model)
    reference = size.total / 1e6
    name = f"size, {_named(dtype, sparsity)} ({_mask(size)})"
    return {"name": name, "ours": measured, "reference": reference, "unit": "MB", "ratio": measured / reference}


def _mask(size: StorageSize) -> str:
    return f"mask {size.mask / 1e6:.2f} MB, entropy bound {size.entropy_bound / 1e6:.2f} MB"


def benchmark_load(repeats: int = 25) -> list[dict]:
    """Times `from_pretrained` of the sparse file, of the plain file of the same model, and of the stock class's file.

    All sides alternate; files are in the system's cache. Medians in milliseconds.
    """
    return [row for dtype in DTYPES for sparsity in LOAD_SPARSITIES for row in _load(dtype, sparsity, repeats)]


def _load(dtype: torch.dtype, sparsity: float, repeats: int) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        sparse, plain, stock = (str(Path(folder) / name) for name in ("sparse", "plain", "stock"))
        model = pruned_resnet18(sparsity, dtype)
        model.save_pretrained(sparse)
        model.save_pretrained(plain, sparse=False)
        model.to_backbone().save_pretrained(stock)
        sides = [
            lambda: VPNsForImageClassification.from_pretrained(sparse),
            lambda: VPNsForImageClassification.from_pretrained(plain),
            lambda: ResNetForImageClassification.from_pretrained(stock),
        ]
        ours, own_dense, stock_dense = alternate_times(sides, repeats)
    name = f"load, {_named(dtype, sparsity)}"
    return [
        ratio_row(f"{name}, beside the plain file", [ours, own_dense]),
        ratio_row(f"{name}, beside the stock class and its file", [ours, stock_dense]),
    ]


def _named(dtype: torch.dtype, sparsity: float) -> str:
    return f"ResNet-18, {str(dtype).removeprefix('torch.')}, {sparsity:.0%} sparsity"
