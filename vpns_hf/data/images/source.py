"""Decoded images, as loaders take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ..provenance import Origin
from ..take import Take


class ImageSource(Protocol):
    """What a loader needs: `labels` int64 (N,), and the images by row.

    Attributes:
        labels: of the rows.
        skipped: how many rows were left out.
        misread: how many rows a saved model sees other pixels of.
        origin: where the rows come from, for messages; None takes them for all rows of the train split.
    """

    labels: torch.Tensor
    skipped: int
    misread: int
    origin: Origin | None

    def __len__(self) -> int: ...

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """Returns all rows in random order, int64 (N,); the same for every number of processes that divides 8."""

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the images of some rows: uint8 (n, 3, H, W)."""

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other; knowing them all, it may read ahead."""


@dataclass(frozen=True)
class ImageCache:
    """Decoded images: `images` uint8 (N, 3, H, W), memory-mapped, perhaps on another device than the rows and labels.

    `digests` uint64 (N,) are those of the bytes they are stored as, None where these are not known; the others are those
    of `ImageSource`.
    """

    images: torch.Tensor
    labels: torch.Tensor
    skipped: int = 0
    origin: Origin | None = None
    misread: int = 0
    digests: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """Returns all rows in random order."""
        return torch.randperm(len(self), generator=generator)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the images of some rows: uint8 (n, 3, H, W), channels last in memory."""
        return self._select(rows).picked().permute(0, 3, 1, 2)

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other."""
        return map(self._select, batches)

    def _select(self, rows: torch.Tensor) -> Take:
        return Take(self.images, rows.to(self.images.device, non_blocking=True))


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of a source, as a source: `rows` int64 (n,), ascending so that a stream is read forward once."""

    source: ImageSource
    rows: torch.Tensor
    skipped: int = 0
    misread: int = 0

    @property
    def labels(self) -> torch.Tensor:
        """int64 (n,)."""
        return self.source.labels[self.rows]

    @property
    def origin(self) -> Origin | None:
        """Where the rows of the whole source come from."""
        return self.source.origin

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """Returns all rows in random order."""
        return torch.randperm(len(self), generator=generator)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the images of some rows: uint8 (n, 3, H, W)."""
        return self.source.read(self.rows[rows])

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other."""
        return self.source.read_all([self.rows[rows] for rows in batches])
