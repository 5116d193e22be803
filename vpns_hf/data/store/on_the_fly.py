"""Images that are decoded again for every batch, because keeping them would fill the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import datasets
import torch

from ...utils.read_ahead import ReadAhead
from ..images import BadImage, ImageDecoder, own_cores, refuse, stack_planes
from ..provenance import Origin
from ..take import Take
from .folder import Layout


class UncachedImages:
    """Gives the bytes an `ImageCache` would give.

    Args:
        rows: those that can be read.
        column: the image column.
        layout: of the images.
        labels: int64 (N,).
        origin: where the rows come from, for messages.
        skipped: how many rows were left out.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        column: str,
        layout: Layout,
        labels: torch.Tensor,
        origin: Origin,
        skipped: int = 0,
    ):
        self.labels = labels
        self.skipped = skipped
        self.origin = origin
        self._size = layout.size
        self._decoder = ImageDecoder(rows, column, own_cores())

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """Returns all rows in random order."""
        return torch.randperm(len(self), generator=generator)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the images of some rows: uint8 (n, 3, H, W).

        Raises:
            InputError: an image can no longer be read.
        """
        images = self._decoder.decode(rows.tolist(), [self._size])
        for image in images:
            if isinstance(image, BadImage):
                refuse(image, self.origin)
        return torch.from_numpy(stack_planes([image for [image] in images]))

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other, decoded while those before are in use."""
        return ReadAhead(Take(self.read(rows)) for rows in batches)
