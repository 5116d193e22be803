"""Images that are decoded again for every batch, because keeping them would fill the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import datasets
import numpy as np
import torch

from ...utils.read_ahead import ReadAhead
from ..images import BadImage, ImageDecoder, own_cores, stack_kept
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
        on_bad_image: says whether an image that is misread is kept; raises of those that can no longer be read.
        skipped: how many rows were left out.
        misread: how many a saved model sees other pixels of.
        digests: as those of an `ImageCache`.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        column: str,
        layout: Layout,
        labels: torch.Tensor,
        origin: Origin,
        on_bad_image: Callable[[BadImage, Origin], bool],
        *,
        skipped: int = 0,
        misread: int = 0,
        digests: np.ndarray | None = None,
    ):
        self.labels = labels
        self.skipped = skipped
        self.misread = misread
        self.digests = digests
        self._on_bad_image = on_bad_image
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
        return stack_kept(images, self._on_bad_image, self.origin)

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other, decoded while those before are in use."""
        return ReadAhead(Take(self.read(rows)) for rows in batches)
