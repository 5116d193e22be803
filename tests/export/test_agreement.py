from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.helpers import refusal
from vpns_hf.errors import InputError
from vpns_hf.export import ONNX_RUNTIME, check_agreement, check_classes, check_pictures

SIDE = 16


def logits(pixels: Tensor) -> Tensor:
    """Three that differ from picture to picture."""
    return torch.stack([pixels.mean((1, 2, 3)), pixels.std((1, 2, 3)), pixels[:, 0, 0, 0]], dim=1)


def refused(found) -> str:
    return refusal(check_agreement, found, logits, SIDE, ONNX_RUNTIME)


def test_the_pictures():
    batches = list(check_pictures(SIDE))
    assert [(kind, len(pixels)) for kind, pixels in batches] == [
        (kind, count) for count in (1, 2, 5) for kind in ("noise", "photographs")
    ]
    for _, pixels in batches:
        assert (pixels.dtype, pixels.shape[1:]) == (torch.float32, (3, SIDE, SIDE))
        assert 0 <= pixels.min() < pixels.max() <= 1
    neighbours = {
        kind: (pixels[..., 1:] - pixels[..., :-1]).abs().mean() for kind, pixels in batches if len(pixels) == 5
    }
    assert neighbours["photographs"] < neighbours["noise"] / 2  # as of things, not of dice


def test_the_largest_difference_is_told():
    assert check_agreement(lambda pixels: logits(pixels) + 5e-5, logits, SIDE, ONNX_RUNTIME) == pytest.approx(
        5e-5, rel=0.01
    )


def test_the_tolerance_grows_with_the_logits():
    assert (
        check_agreement(lambda pixels: 100 * logits(pixels) + 1e-3, lambda p: 100 * logits(p), SIDE, ONNX_RUNTIME)
        > 9e-4
    )
    assert "allowed: 0.0001" in refused(lambda pixels: logits(pixels) + 1e-3)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_one_batch_size_that_is_wrong_is_enough(count):
    assert f"a batch of {count}, allowed" in refused(lambda pixels: logits(pixels) + 0.1 * (len(pixels) == count))


def test_pictures_that_are_wrong_where_noise_is_right():
    def clipped(pixels: Tensor) -> Tensor:
        return logits(pixels) + 0.1 * (pixels.mean((1, 2, 3)) < 0.45)[:, None]

    assert "for photographs in a batch of" in refused(clipped)


def test_what_is_no_number_is_no_agreement():
    assert "differ by nan" in refused(lambda pixels: logits(pixels) * float("nan"))


def test_another_number_of_logits():
    assert "(1, 2) logits instead of (1, 3)" in refused(lambda pixels: logits(pixels)[:, :2])


def test_photographs_of_the_models_class_are_counted():
    def first(pixels: Tensor) -> Tensor:
        return torch.eye(3)[torch.zeros(len(pixels), dtype=torch.int64)]

    expected = [logits(pixels).argmax(1) for kind, pixels in check_pictures(SIDE) if kind == "photographs"]
    same = int((torch.cat(expected) == 0).sum())
    assert 0 < same < 8
    assert check_classes(first, logits, SIDE, ONNX_RUNTIME) == (same, 8)


@pytest.mark.parametrize("count", [2, 5])
def test_a_class_that_depends_on_the_batch_is_refused(count):
    def swapped(pixels: Tensor) -> Tensor:
        return logits(pixels).roll(int(len(pixels) == count), 1)

    message = rf"^with 8 bits ONNX Runtime gives noise in a batch of {count} other classes than alone; nothing [^\n]*$"
    with pytest.raises(InputError, match=message):
        check_classes(swapped, logits, SIDE, ONNX_RUNTIME)
