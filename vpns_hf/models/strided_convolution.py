"""A strided convolution of a picture whose input gradient is computed as a plain convolution.

The gradient of a visual prompt passes through the input of the first layer. On a CPU the stock kernel is slow there,
with three channels and a stride: the same sums, sorted by the phase of the pixel, are one convolution of stride 1 with
stride * stride times as many outputs, whose pixels are then interleaved (Shi et al., arXiv 1609.05158, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Name of an attribute of a tensor of pixels: width of the border outside of which nobody needs its gradient. Whatever
# is computed from the tensor does not have it, so only a layer that reads these very pixels can be meant.
FRAME = "gradient_frame"
FEW_CHANNELS = 4
MANY_VALUES = 100_000  # a smaller batch gains nothing


def has_slow_input_gradient(conv: nn.Conv2d, pixels: Tensor) -> bool:
    """Whether the input gradient of `conv` is asked for and better computed by phases."""
    stride, kernel, padding = conv.stride, conv.kernel_size, conv.padding
    return (
        pixels.requires_grad
        and pixels.device.type == "cpu"
        and pixels.numel() >= MANY_VALUES
        and not torch.is_autocast_enabled("cpu")
        and conv.in_channels <= FEW_CHANNELS
        and stride[0] == stride[1] > 1
        and kernel[0] == kernel[1] >= stride[0]
        and not isinstance(padding, str)
        and padding[0] == padding[1] < kernel[0]
        and conv.padding_mode == "zeros"
        and conv.dilation == (1, 1)
        and conv.groups == 1
    )


class StridedConvolution(torch.autograd.Function):
    """`F.conv2d(pixels, weight, bias, stride, padding)` with square kernels.

    With a `frame`, the gradient of the pixels is computed on a border of that width only, and 0 inside.
    """

    @staticmethod
    def forward(
        ctx, pixels: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, frame: int | None = None
    ) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        ctx.frame = frame
        ctx.stride, ctx.padding, ctx.bias_sizes = stride, padding, None if bias is None else list(bias.shape)
        return F.conv2d(pixels, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight = ctx.saved_tensors
        strides, paddings = [ctx.stride] * 2, [ctx.padding] * 2
        wanted = [False, *ctx.needs_input_grad[1:3]]
        _, weight_grad, bias_grad = torch.ops.aten.convolution_backward(
            grad, pixels, weight, ctx.bias_sizes, strides, paddings, [1, 1], False, [0, 0], 1, wanted
        )
        if ctx.frame is None:
            pixels_grad = input_gradient(grad, weight, pixels.shape, ctx.stride, ctx.padding)
        else:
            pixels_grad = frame_gradient(grad, weight, pixels.shape, ctx.stride, ctx.padding, ctx.frame)
        return pixels_grad, weight_grad, bias_grad, None, None, None


def input_gradient(grad: Tensor, weight: Tensor, shape: torch.Size, stride: int, padding: int) -> Tensor:
    """Returns the gradient of a convolution with respect to its input.

    Args:
        grad: (B, O, h, w), gradient with respect to the output.
        weight: (O, C, K, K).
        shape: (B, C, H, W) of the input.
        stride: of the convolution, in both directions.
        padding: with zeros, on all four sides.
    """
    taps, first = _taps(weight.shape[-1], stride, padding)
    channels, width = weight.shape[1], taps.shape[1]
    padded = F.pad(weight, (0, 1, 0, 1))  # an absent tap reads the zero behind the last
    phases = padded[:, :, taps.to(weight.device)][..., taps.to(weight.device)]
    kernels = phases.permute(1, 2, 4, 0, 3, 5).reshape(channels * stride**2, -1, width, width)
    rows, columns = (-(-side // stride) for side in shape[-2:])
    after = [side - 1 + first + width - size for side, size in zip((rows, columns), grad.shape[-2:], strict=True)]
    spread = F.conv2d(F.pad(grad, (-first, after[1], -first, after[0])), kernels)
    return F.pixel_shuffle(spread, stride)[..., : shape[-2], : shape[-1]]


def frame_gradient(grad: Tensor, weight: Tensor, shape: torch.Size, stride: int, padding: int, frame: int) -> Tensor:
    """Returns `input_gradient` on a border of `frame` pixels, and 0 inside it."""
    gradient = grad.new_zeros(shape)
    for rows, strip in _strips(grad, weight, shape, stride, padding, frame):
        gradient[..., rows, :] = strip
    turned = grad.transpose(2, 3), weight.transpose(2, 3), torch.Size((*shape[:2], shape[3], shape[2]))
    for columns, strip in _strips(*turned, stride, padding, frame):
        gradient[..., columns] = strip.transpose(2, 3)
    return gradient


def _strips(
    grad: Tensor, weight: Tensor, shape: torch.Size, stride: int, padding: int, frame: int
) -> Iterator[tuple[slice, Tensor]]:
    """Yields the first and the last `frame` rows of the input, with their gradient."""
    height, reach = shape[2], weight.shape[-1]
    yield slice(frame), input_gradient(grad, weight, torch.Size((*shape[:2], frame, shape[3])), stride, padding)
    # Begins with the first output that reaches the strip, but not inside it.
    first = -((reach - 1 - padding - (height - frame)) // stride)
    first = max(min(first, (height - frame) // stride, grad.shape[2] - 1), 0)
    below = torch.Size((*shape[:2], height - first * stride, shape[3]))
    strip = input_gradient(grad[:, :, first:], weight, below, stride, padding)
    yield slice(height - frame, height), strip[:, :, -frame:]


def _taps(kernel: int, stride: int, padding: int) -> tuple[Tensor, int]:
    """Sorts the taps of a kernel by the phase of the input pixel they reach.

    Pixel stride * q + phase is reached from output q + d through tap phase + padding - stride * d.

    Returns:
        (stride, width) tap per phase and offset d, `kernel` where there is none, and the first of the offsets d.
    """
    first, last = -((kernel - 1 - padding) // stride), (stride - 1 + padding) // stride
    phases, offsets = torch.arange(stride).view(-1, 1), torch.arange(first, last + 1)
    taps = phases + padding - stride * offsets
    return torch.where((taps >= 0) & (taps < kernel), taps, kernel), first
