"""Cutting a window out of images that have the right scale already."""

from __future__ import annotations

import torch

from vpns_hf.data.crops import Crops


def crop(images: torch.Tensor, crops: Crops, out: torch.Tensor) -> torch.Tensor:
    """Fill `out`, float (B, 3, I, I) in [0, 1], with one window of each image.

    Args:
        images: uint8 (B, 3, H, W), contiguous.
        crops: the windows; those to mirror come last.
        out: receives the windows.
    """
    windows = _windows(images, crops.top, crops.left, out.shape[-1])
    plain = len(images) - crops.mirrored
    to_unit(windows[:plain], out[:plain])
    to_unit(windows[plain:].flip(3), out[plain:])
    return out


def to_unit(images: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Fill `out` with bytes scaled to [0, 1]."""
    return out.copy_(images).mul_(1 / 255)


def _windows(images: torch.Tensor, top: torch.Tensor, left: torch.Tensor, size: int) -> torch.Tensor:
    # In memory a window is one run of bytes per channel, with gaps between its rows. Copying the run is far faster
    # than picking pixels; the gaps are stepped over by the strides of the result.
    count, channels, height, width = images.shape
    run = (size - 1) * width + size
    runs = images.as_strided((images.numel() - run + 1, run), (1, 1))
    planes = torch.arange(count * channels, device=images.device).view(count, channels) * (height * width)
    starts = planes + (top * width + left)[:, None]
    copied = runs.index_select(0, starts.flatten())
    return copied.as_strided((count, channels, size, size), (channels * run, run, width, 1))
