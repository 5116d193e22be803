"""Which images of a split are files outside of it."""

from __future__ import annotations

import datasets
import pyarrow.compute as pc


def image_files(split: datasets.Dataset, column: str) -> list[str]:
    """The paths of the images of which the split holds no bytes, in the order of the rows.

    Args:
        split: has the column `column` of images.
        column: the image column.
    """
    stored = split.data.column(column)
    # Only the paths are gathered by row: the bytes of other images are never read.
    paths = pc.if_else(pc.is_null(pc.struct_field(stored, "bytes")), pc.struct_field(stored, "path"), None)
    if split._indices is not None and paths.null_count < len(paths):
        paths = pc.take(paths, split._indices.column(0))
    return paths.drop_null().to_pylist()
