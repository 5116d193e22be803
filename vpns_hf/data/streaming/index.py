"""Streams as data sets that can be cut and limited: their labels, and in place of each image where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import datasets
import numpy as np
import pyarrow as pa

from ...errors import InputError
from ..sources import Columns, check_columns, check_no_file_twice, image_files
from .pieces import ParquetSplit, StreamedRows, StreamedSplit


class StreamIndex:
    """The rows of several streams.

    `rows` holds for each split a `datasets.Dataset` with all labels and, as the path of each image, split and number:
    whatever chooses rows works on it as on any data set, and `find` tells which rows were chosen.

    Args:
        streams: by the name of the split.
        columns: the image and the label column.
        files: of each split, if these are all parquet files; see `parquet_files`. They are then read directly.

    Raises:
        InputError: a stream cannot be read or lacks a column, rows name one file twice, or another split is the same as that to test on.
    """

    def __init__(
        self,
        streams: Mapping[str, datasets.IterableDataset],
        columns: Columns,
        files: Mapping[str, Sequence[str]] | None = None,
    ):
        for name, stream in streams.items():
            if stream.features is None:
                raise InputError(f"the stream of the {name} split does not say its columns; give it `features`")
            check_columns(stream, columns, name)
        self.splits: dict[str, StreamedRows] = {
            name: ParquetSplit(files[name], stream.features, columns, name)
            if files
            else StreamedSplit(stream, columns, name)
            for name, stream in streams.items()
        }
        paths = {name: split.paths for name, split in self.splits.items()}
        check_no_file_twice(paths, "leave one row of each file")
        for name, split in self.splits.items():
            if name != "test" and "test" in self.splits and _begin_alike(split, self.splits["test"]):
                raise InputError(f"the {name} and the test split are the same rows; give other rows to test on")
        self.rows = datasets.DatasetDict({name: _rows(split, columns) for name, split in self.splits.items()})

    def find(self, chosen: datasets.Dataset, column: str) -> tuple[list[StreamedRows], np.ndarray]:
        """Returns which rows were chosen.

        Args:
            chosen: of `rows`, perhaps of several splits.
            column: the image column.

        Returns:
            All splits, and the numbers of the chosen rows, int64 (N,), counted through all splits in that order.
        """
        splits = list(self.splits.values())
        firsts = np.concatenate([[0], np.cumsum([len(split) for split in splits])])
        first = {split.name: int(start) for split, start in zip(splits, firsts, strict=False)}
        places = (path.rpartition("/") for path in image_files(chosen, column))
        return splits, np.array([first[name] + int(row) for name, _, row in places], dtype=np.int64)


def _begin_alike(one: StreamedRows, other: StreamedRows) -> bool:
    """Returns whether two splits have the same labels and their first images are the same; more is not read."""
    if len(one) == 0 or one.labels.combine_chunks() != other.labels.combine_chunks():
        return False
    images, others = next(one.open(0)), next(other.open(0))
    return all(image == another for image, another in zip(images, others, strict=False))


def _rows(split: StreamedRows, columns: Columns) -> datasets.Dataset:
    paths = pa.array([f"{split.name}/{row}" for row in range(len(split))], type=pa.string())
    images = pa.StructArray.from_arrays([pa.nulls(len(split), pa.binary()), paths], names=["bytes", "path"])
    table = pa.table({columns.image: images, columns.label: split.labels})
    features = datasets.Features({name: split.features[name] for name in (columns.image, columns.label)})
    return datasets.Dataset(datasets.table.InMemoryTable(table), info=datasets.DatasetInfo(features=features))
