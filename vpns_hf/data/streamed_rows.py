"""What a split must offer to be read in any order that stays near the one it is stored in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import datasets
import numpy as np
import pyarrow as pa

# More would be kept in memory for every open piece, fewer would cost time for every read.
ROWS_AT_ONCE = 64


class StreamedRows(Protocol):
    """The rows of a split by number, in pieces that can be opened at any row and are then read forward.

    Attributes:
        name: of the split, for messages.
        features: of the image and the label column.
        labels: of all rows, as stored.
        starts: int64 (pieces + 1,), the number of the first row of each piece, and of all rows.
    """

    name: str
    features: datasets.Features
    labels: pa.ChunkedArray
    starts: np.ndarray

    def __len__(self) -> int: ...

    def open(self, row: int) -> Iterator[list[dict | None]]:
        """The stored images from a row on to the end of its piece, some at a time.

        Raises:
            InputError: they cannot be read.
        """
        ...
