"""Images that are decoded again for every batch, because keeping them would fill the disk."""

from __future__ import annotations

import os

import datasets
import numpy as np
import torch

from vpns_hf.data.bad_images import BadImage, refuse
from vpns_hf.data.cache_folder import Layout
from vpns_hf.data.decoding import ImageDecoder, num_cores
from vpns_hf.data.origins import Origin


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
        self._origin = origin
        self._size = layout.size
        # The processes of this machine share its cores.
        self._decoder = ImageDecoder(rows, column, max(1, num_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The images of some rows: uint8 (n, 3, H, W).

        Raises:
            InputError: an image can no longer be read.
        """
        images = self._decoder.decode(rows.tolist(), [self._size])
        for image in images:
            if isinstance(image, BadImage):
                refuse(image, self._origin)
        return torch.from_numpy(np.stack([image for [image] in images]))
