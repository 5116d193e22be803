"""The convolution with the rearranged input gradient against the stock one."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.helpers import tiny_model
from vpns_hf.training import (
    FastStemGradient,
    StridedConvolution,
    frame_gradient,
    has_slow_input_gradient,
    input_gradient,
)
from vpns_hf.training.preparations import stem_gradient

SHAPES = [(kernel, stride, padding) for kernel in (2, 3, 4, 7) for stride in (2, 3, 4) for padding in range(4)]
FITTING = [(kernel, stride, padding) for kernel, stride, padding in SHAPES if kernel >= stride and padding < kernel]


@pytest.mark.parametrize(("kernel", "stride", "padding"), FITTING)
@pytest.mark.parametrize("size", [(13, 16), (15, 12)])
def test_input_gradient_is_that_of_autograd(kernel, stride, padding, size):
    torch.manual_seed(0)
    pixels = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(5, 3, kernel, kernel, dtype=torch.float64)
    output = F.conv2d(pixels, weight, stride=stride, padding=padding)
    grad = torch.rand_like(output)
    (expected,) = torch.autograd.grad(output, pixels, grad)
    torch.testing.assert_close(input_gradient(grad, weight, pixels.shape, stride, padding), expected)


@pytest.mark.parametrize("bias", [None, torch.ones(4, dtype=torch.float64, requires_grad=True)])
def test_all_gradients_agree_with_finite_differences(bias):
    torch.manual_seed(0)
    pixels = torch.rand(2, 3, 6, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)

    def convolve(*tensors: torch.Tensor) -> torch.Tensor:
        return StridedConvolution.apply(*tensors, 2, 1)

    assert torch.autograd.gradcheck(convolve, (pixels, weight, bias))
    assert torch.autograd.gradgradcheck(convolve, (pixels, weight, bias))


def test_the_output_is_that_of_the_stock_convolution():
    torch.manual_seed(0)
    pixels, weight, bias = torch.rand(2, 3, 9, 9), torch.rand(4, 3, 3, 3), torch.rand(4)
    assert torch.equal(StridedConvolution.apply(pixels, weight, bias, 2, 1), F.conv2d(pixels, weight, bias, 2, 1))


def test_used_only_where_it_computes_the_same():
    pixels = torch.rand(60, 3, 24, 24, requires_grad=True)
    few = torch.rand(2, 3, 8, 8, requires_grad=True)
    assert not has_slow_input_gradient(nn.Conv2d(3, 4, 3, stride=2, padding=1), few)
    assert has_slow_input_gradient(nn.Conv2d(3, 4, 3, stride=2, padding=1), pixels)
    assert not has_slow_input_gradient(nn.Conv2d(3, 4, 3, stride=2, padding=1), pixels.detach())
    for other in (
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(3, 4, 3, stride=2, padding="valid"),
        nn.Conv2d(3, 4, 3, stride=2, padding=1, padding_mode="circular"),
        nn.Conv2d(3, 4, 3, stride=2, dilation=2),
        nn.Conv2d(3, 3, 3, stride=2, groups=3),
        nn.Conv2d(3, 4, 3, stride=(2, 1)),
        nn.Conv2d(3, 4, (3, 5), stride=2),
        nn.Conv2d(3, 4, 2, stride=3),
        nn.Conv2d(8, 4, 3, stride=2),
    ):
        assert not has_slow_input_gradient(other, pixels)
    with torch.autocast("cpu", torch.bfloat16):
        assert not has_slow_input_gradient(nn.Conv2d(3, 4, 3, stride=2, padding=1), pixels)


@pytest.mark.parametrize(("kernel", "stride", "padding"), FITTING)
@pytest.mark.parametrize("frame", [1, 2, 5])
def test_the_gradient_of_a_frame_is_that_of_the_picture_there(kernel, stride, padding, frame):
    torch.manual_seed(0)
    pixels = torch.rand(2, 3, 27, 32, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(5, 3, kernel, kernel, dtype=torch.float64)
    output = F.conv2d(pixels, weight, stride=stride, padding=padding)
    grad = torch.rand_like(output)
    (expected,) = torch.autograd.grad(output, pixels, grad)
    inside = (slice(None), slice(None), slice(frame, -frame), slice(frame, -frame))
    expected = expected.clone()
    expected[inside] = 0
    torch.testing.assert_close(frame_gradient(grad, weight, pixels.shape, stride, padding, frame), expected)


@pytest.mark.parametrize("name", ["pad", "fix", "random"])
def test_prompt_and_pixels_get_the_gradient_of_the_stock_convolution(name, monkeypatch):
    gradients = []
    for fewest in (0, 10**9):
        monkeypatch.setattr(stem_gradient, "MANY_VALUES", fewest)
        model = tiny_model(visual_prompt=name, image_size=32, prompt_size=3).double()
        FastStemGradient().apply(model)
        torch.manual_seed(0)
        pixels = torch.rand(3, 3, 32, 32, dtype=torch.float64)
        model(pixels, labels=torch.tensor([0, 1, 2]), prompted=True).loss.backward()
        read = pixels.requires_grad_(True)
        torch.manual_seed(0)
        model.eval()(read, labels=torch.tensor([0, 1, 2]), prompted=True).loss.backward()
        gradients.append((model.visual_prompt.prompt.grad, read.grad))
    for fast, stock in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, stock)
        assert stock.abs().sum() > 0
