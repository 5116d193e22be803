"""Inference with a loaded pruned model beside the stock class."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import torch
from torch import Tensor

from vpns_hf.models import VPNsForImageClassification

from .storage import pruned_resnet18
from .timing import alternate_times, ratio_row

CASES = ((224, 1), (64, 16))


@torch.no_grad()
def benchmark_inference(sparsity: float = 0.7, repeats: int = 25) -> list[dict]:
    """Times one batch through a loaded model without its prompt and through a stock ResNet-18, alternately.

    The stock model gets the same pictures normalised beforehand; its weights are the same. Medians in milliseconds.

    Raises:
        AssertionError: the two sides give different logits.
    """
    with tempfile.TemporaryDirectory() as folder:
        pruned_resnet18(sparsity, torch.float32).save_pretrained(folder)
        model = VPNsForImageClassification.from_pretrained(folder)
        stock = model.to_backbone()
        return [_row(model, stock, image_size, batch_size, repeats) for image_size, batch_size in CASES]


def _row(model: VPNsForImageClassification, stock: torch.nn.Module, size: int, batch_size: int, repeats: int) -> dict:
    pixels = torch.rand(batch_size, 3, size, size, generator=torch.Generator().manual_seed(0))
    normalised = model.normalise(pixels)
    ours: Callable[[], Tensor] = lambda: model(pixels, prompted=False).logits  # noqa: E731
    reference: Callable[[], Tensor] = lambda: stock(normalised).logits  # noqa: E731
    assert torch.equal(ours(), reference()[:, model.label_mapping]), "the two sides give different logits"
    times = alternate_times([ours, reference], repeats)
    return ratio_row(f"inference, ResNet-18, {size} px, batch {batch_size}", times)
