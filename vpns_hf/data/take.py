"""Some rows of decoded images, copied no earlier than they have to be."""

from __future__ import annotations

from dataclasses import dataclass

import torch


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Returns the tensor on `device`; a GPU fetches it while the host goes on."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@dataclass(frozen=True)
class Take:
    """Rows of images. A batch cut straight out of a cache is read from memory once, not twice.

    Attributes:
        images: uint8 (N, 3, H, W), channels last in memory.
        rows: int64 (B,), which of them, on the same device; None for all.
    """

    images: torch.Tensor
    rows: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.images if self.rows is None else self.rows)

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.images.device

    @property
    def size(self) -> tuple[int, int]:
        """(H, W), in pixels."""
        return tuple(self.images.shape[2:])

    def picked(self) -> torch.Tensor:
        """Returns the images by themselves, uint8 (B, H, W, 3), contiguous."""
        pixels = self.images.permute(0, 2, 3, 1)
        return (pixels if self.rows is None else pixels.index_select(0, self.rows)).contiguous()

    def in_place(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns uint8 (N, H, W, 3), contiguous, and the rows of it, int64 (B,); a copy only where memory is in another order."""
        pixels = self.images.permute(0, 2, 3, 1)
        if self.rows is None or not pixels.is_contiguous():
            return self.picked(), torch.arange(len(self), device=self.device)
        return pixels, self.rows

    def to(self, device: torch.device) -> Take:
        """Returns the same on the device of this process, where no other images than these go."""
        if self.device.type == device.type:
            return self
        return Take(to_device(self.picked(), device).permute(0, 3, 1, 2))
