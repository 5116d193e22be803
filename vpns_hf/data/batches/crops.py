"""Which window of each image is shown, and which images are mirrored."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Crops(NamedTuple):
    """The windows of one batch.

    `top` and `left` int64 (B,), the corners; the last `mirrored` images of the batch are mirrored. With these
    together, mirroring is one operation on a slice, and no device has to be asked how many there are.
    """

    top: torch.Tensor
    left: torch.Tensor
    mirrored: int

    @staticmethod
    def whole(count: int, device: torch.device | str = "cpu") -> Crops:
        """Returns the top left corner of each image, none mirrored."""
        corner = torch.zeros(count, dtype=torch.int64, device=device)
        return Crops(corner, corner, 0)

    def to(self, device: torch.device) -> Crops:
        """Returns the same crops on another device."""
        return Crops(self.top.to(device, non_blocking=True), self.left.to(device, non_blocking=True), self.mirrored)


class CropPlan(NamedTuple):
    """The windows of all rows of a cache for one epoch: `top`, `left` int64 (N,), `flip` bool (N,) or None for none."""

    top: torch.Tensor
    left: torch.Tensor
    flip: torch.Tensor | None = None

    @staticmethod
    def whole(count: int) -> CropPlan:
        """Returns the top left corner of each image, none mirrored."""
        corner = torch.zeros(count, dtype=torch.int64)
        return CropPlan(corner, corner)

    def take(self, rows: torch.Tensor) -> tuple[torch.Tensor, Crops]:
        """Returns the rows with those to mirror moved to the end, else in the given order, and their crops."""
        mirrored = 0
        if self.flip is not None:
            flip = self.flip[rows]
            rows, mirrored = rows[flip.long().argsort(stable=True)], int(flip.sum())
        return rows, Crops(self.top[rows], self.left[rows], mirrored)


def crop(images: torch.Tensor, rows: torch.Tensor, crops: Crops, out: torch.Tensor) -> torch.Tensor:
    """Fills `out`, float (B, I, I, 3) in [0, 1], with one window of each image that is picked.

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
    """Fills `out` with bytes scaled to [0, 1]."""
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
