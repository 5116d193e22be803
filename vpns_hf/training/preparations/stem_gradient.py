"""A strided convolution of a picture whose input gradient is computed as a plain convolution.

The gradient of a visual prompt passes through the input of the first layer. On a CPU the stock kernel is slow there,
with three channels and a stride: the same sums, sorted by the phase of the pixel, are one convolution of stride 1 with
stride * stride times as many outputs, whose pixels are then interleaved (Shi et al., arXiv 1609.05158, section 2.2).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...models import VPNsForImageClassification
from ...models.masked_layers import MaskedConv2d
from ...models.visual_prompts import PadPrompt, VisualPrompt
from .base import Preparation

FEW_CHANNELS = 4
MANY_VALUES = 100_000  # a smaller batch gains nothing


class FastStemGradient(Preparation):
    """Computes the gradient that a visual prompt gets through a strided first convolution as a plain convolution."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def apply(self, model: VPNsForImageClassification) -> None:
        watch = _PixelWatch(framed_by(model.visual_prompt))
        self._undo = [
            model.visual_prompt.register_forward_pre_hook(watch.note_picture).remove,
            model.backbone.register_forward_pre_hook(watch.note_pixels).remove,
        ]
        for layer in model.masked_layers().values():
            if isinstance(layer, MaskedConv2d) and _may_be_slow(layer):
                layer._conv_forward = _Stem(layer, layer._conv_forward, watch)  # noqa: SLF001 (where torch lets a convolution differ)
                self._undo.append(lambda layer=layer: delattr(layer, "_conv_forward"))

    def undo(self, model: VPNsForImageClassification) -> None:
        for undo in self._undo:
            undo()
        self._undo = []


class _PixelWatch:
    """Notes the very pixels a backbone is given: a border alone of their gradient reaches the prompt.

    Args:
        frame: width of that border; None where all of the gradient is needed.
    """

    def __init__(self, frame: int | None) -> None:
        self._frame = frame
        self._pixels: Callable[[], Tensor | None] = lambda: None
        self._whole = True

    def note_picture(self, prompt: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """A picture is about to be prompted; if its own gradient is asked for, all of it is needed."""
        self._whole = inputs[0].requires_grad

    def note_pixels(self, backbone: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """The backbone is about to read these pixels."""
        self._pixels = weakref.ref(inputs[0])

    def frame_of(self, pixels: Tensor) -> int | None:
        """Returns the width of the border outside of which nobody needs the gradient; None if all of it is needed."""
        return self._frame if self._pixels() is pixels and not self._whole else None


class _Stem:
    """Takes the place of the convolution of one layer."""

    def __init__(self, layer: MaskedConv2d, stock: Callable[..., Tensor], watch: _PixelWatch) -> None:
        self._layer, self._stock, self._watch = layer, stock, watch

    def __call__(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        layer = self._layer
        if not has_slow_input_gradient(layer, input):
            return self._stock(input, weight, bias)
        frame = self._watch.frame_of(input)
        return StridedConvolution.apply(input, weight, bias, layer.stride[0], layer.padding[0], frame)


def framed_by(prompt: VisualPrompt) -> int | None:
    """Returns the width of a border that holds every pixel a prompt may change; None where it is no narrow border."""
    is_narrow = isinstance(prompt, PadPrompt) and 0 < prompt.prompt_size <= prompt.output_size // 8
    return prompt.prompt_size if is_narrow else None


def has_slow_input_gradient(conv: nn.Conv2d, pixels: Tensor) -> bool:
    """Whether the input gradient of `conv` is asked for and better computed by phases."""
    return (
        pixels.requires_grad
        and pixels.device.type == "cpu"
        and pixels.numel() >= MANY_VALUES
        and not torch.is_autocast_enabled("cpu")
        and _may_be_slow(conv)
    )


def _may_be_slow(conv: nn.Conv2d) -> bool:
    stride, kernel, padding = conv.stride, conv.kernel_size, conv.padding
    return (
        conv.in_channels <= FEW_CHANNELS
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
