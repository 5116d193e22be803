"""Decoded images, as loaders take them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch


class ImageSource(Protocol):
    """What a loader needs: `labels` int64 (N,), and the images by row; `skipped` rows were left out."""

    labels: torch.Tensor
    skipped: int

    def __len__(self) -> int: ...

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The images of some rows: uint8 (n, 3, H, W)."""


@dataclass(frozen=True)
class ImageCache:
    """Decoded images: `images` uint8 (N, 3, H, W), memory-mapped; `labels` int64 (N,); `skipped` rows were left out."""

    images: torch.Tensor
    labels: torch.Tensor
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The images of some rows: uint8 (n, 3, H, W)."""
        return self.images.index_select(0, rows)


def default_cache_dir() -> Path:
    """Where caches go: `$VPNS_CACHE`, else `~/.cache/vpns_hf`."""
    return Path(os.environ.get("VPNS_CACHE") or "~/.cache/vpns_hf").expanduser()
