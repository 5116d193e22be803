"""No image is in two splits: what is tested on takes no part in training or in any choice."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import combinations

import datasets
import numpy as np
import pyarrow as pa

from ...errors import InputError
from ..sources import check_no_image_twice

logger = logging.getLogger(__name__)


def check_apart(splits: Mapping[str, datasets.Dataset], column: str) -> None:
    """Checks that no file is read for two splits or twice for one, and that no row to test on is trained on or selects.

    Rows that train and select at once are warned of. Copies of images are found when these are decoded.

    Args:
        splits: the rows by "train", "validation" and "test", as they were given: choosing among rows may copy them.
        column: the image column.

    Raises:
        InputError: there is such a file or row.
    """
    check_no_image_twice(splits, column)
    places = {name: _places(rows, column) for name, rows in splits.items()}
    for one, other in combinations(splits, 2):
        shared = int(np.isin(places[other], places[one]).sum())
        if shared and other == "test":
            raise InputError(
                f"{shared} of the {len(splits['test'])} rows to test on are rows of the {one} split too; "
                "give a test_dataset of other rows, or test_fraction"
            )
        if shared:
            logger.warning("%d rows of the validation split are trained on too, so that it selects badly", shared)


def _places(rows: datasets.Dataset, column: str) -> np.ndarray:
    """Returns for each row where in memory its image lies, int64 (N,): the same for the same row of the same table."""
    chunks = [_places_in(chunk) for chunk in rows.data.column(column).chunks]
    places = np.concatenate([np.empty(0, dtype=np.int64), *chunks])
    if rows._indices is None:  # noqa: SLF001
        return places
    return places[rows._indices.column(0).to_numpy()]  # noqa: SLF001


def _places_in(chunk: pa.StructArray) -> np.ndarray:
    stored = chunk.field("bytes")
    _, offsets, _ = stored.buffers()
    width = 8 if pa.types.is_large_binary(stored.type) else 4
    return (offsets.address if len(stored) else 0) + width * (stored.offset + np.arange(len(stored), dtype=np.int64))
