"""Bilinear resizing with antialiasing as two small matrix products."""

from __future__ import annotations

import torch

from .crops import Crops

# What the intermediate results of a product may take on the CPU, in bytes, to stay in the cache of a core.
CPU_CHUNK = 3 << 19


def interpolation_matrix(source: int, target: int) -> torch.Tensor:
    """Returns the weights that resize `source` pixels in a row to `target`: a triangle filter, widened when shrinking.

    Returns:
        Float of shape (target, source), each row summing to 1; what PIL's BILINEAR filter computes.
    """
    scale = source / target
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) * scale
    distance = (torch.arange(source, dtype=torch.float64) + 0.5 - centre[:, None]).abs()
    weights = (1 - distance / max(scale, 1.0)).clamp(min=0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()


class SquareResize:
    """Resizes uint8 images to a square and cuts a window out of it, in one go.

    Only the matrix rows of the window are multiplied, so cropping saves work and mirroring costs none.

    Args:
        height: of the source, in pixels.
        width: of the source, in pixels.
        resize_size: the side of the square.
        window: the side of the window.
        device: where the images are.
    """

    def __init__(self, height: int, width: int, resize_size: int, window: int, device: torch.device):
        places = resize_size - window + 1
        rows = interpolation_matrix(height, resize_size).unfold(0, window, 1).transpose(1, 2)
        columns = interpolation_matrix(width, resize_size).unfold(0, window, 1)
        self.window = window
        self._places = places
        # (places, window, height), with the step from bytes to [0, 1] included
        self._rows = (rows / 255).contiguous().to(device)
        # (2 * places, width, window): all places, then all places mirrored
        self._columns = torch.cat([columns, columns.flip(2)]).contiguous().to(device)

    def __call__(self, images: torch.Tensor, crops: Crops, out: torch.Tensor) -> torch.Tensor:
        """Fills `out`, contiguous float (B, window, window, 3), from `images`, uint8 (B, height, width, 3)."""
        chunk = self._at_once(images)
        for start in range(0, len(images), chunk):
            part = slice(start, min(start + chunk, len(images)))
            self._resize(images[part], *self._matrices(crops, part), out[part])
        return out

    def _matrices(self, crops: Crops, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the weights of the rows and those of the columns for some images of a batch."""
        if self._places == 1 and not crops.mirrored:
            count = part.stop - part.start
            return self._rows.expand(count, -1, -1), self._columns[:1].expand(count, -1, -1)
        columns = crops.left[part].clone()
        columns[max(len(crops.left) - crops.mirrored - part.start, 0) :] += self._places
        return self._rows.index_select(0, crops.top[part]), self._columns.index_select(0, columns)

    def _at_once(self, images: torch.Tensor) -> int:
        """Returns how many images one product takes."""
        _, height, width, channels = images.shape
        lines = 4 * height * channels * (width + self.window)  # bytes
        return max(CPU_CHUNK // lines, 1) if images.device.type == "cpu" else len(images)

    def _resize(self, images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, out: torch.Tensor) -> None:
        count, height, width, channels = images.shape
        # The lines of all channels below each other make one product per image, and so do, after the channels have
        # gone last, the columns of all beside each other.
        planes = torch.empty(count, channels, height, width, device=images.device)
        planes = planes.copy_(images.permute(0, 3, 1, 2)).view(count, channels * height, width)
        wide = torch.bmm(planes, columns).view(count, channels, height, self.window)
        wide = wide.permute(0, 2, 3, 1).reshape(count, height, self.window * channels)
        torch.bmm(rows, wide, out=out.view(count, self.window, self.window * channels))
        out.clamp_(max=1)  # rounding may step over white
