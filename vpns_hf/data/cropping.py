"""Cutting a window out of images that have the right scale already."""

from __future__ import annotations

import torch

from vpns_hf.data.crops import Crops


def crop(images: torch.Tensor, rows: torch.Tensor, crops: Crops, out: torch.Tensor) -> torch.Tensor:
    """Fill `out`, float (B, I, I, 3) in [0, 1], with one window of each image that is picked.

    Args:
        images: uint8 (N, H, W, 3), contiguous.
        rows: int64 (B,), which of the images.
        crops: the windows; those to mirror come last.
        out: receives the windows.
    """
    windows = _windows(images, rows, crops, out.shape[1])
    plain = len(rows) - crops.mirrored
    to_unit(windows[:plain], out[:plain])
    to_unit(windows[plain:].flip(2), out[plain:])
    return out


def to_unit(images: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Fill `out` with bytes scaled to [0, 1]."""
    return out.copy_(images).mul_(1 / 255)


def _windows(images: torch.Tensor, rows: torch.Tensor, crops: Crops, size: int) -> torch.Tensor:
    # In memory a window is one run of bytes, with gaps between its rows. Copying the run is far faster than picking
    # pixels; the gaps are stepped over by the strides of the result.
    _, height, width, channels = images.shape
    run = ((size - 1) * width + size) * channels
    runs = images.as_strided((images.numel() - run + 1, run), (1, 1))
    starts = ((rows * height + crops.top) * width + crops.left) * channels
    copied = runs.index_select(0, starts)
    return copied.as_strided((len(rows), size, size, channels), (run, width * channels, channels, 1))
