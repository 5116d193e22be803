"""The rows of a split by number, read forward in pieces: what `datasets` streams, and parquet files by themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.exceptions import DatasetsError
from datasets.table import cast_array_to_feature
from datasets.utils.file_utils import is_remote_url, xopen
from huggingface_hub.errors import HTTPError

from ...errors import InputError
from ..sources import Columns, reason_of

# More would be kept in memory for every open piece, fewer would cost time for every read.
ROWS_AT_ONCE = 64
# Of a stream that `datasets` reads: it is divided further below the first number, and read in no more than the second.
FEW_PIECES, MANY_PIECES = 64, 1024
# Of each column of a parquet file, in bytes. Without it a whole column of a group is read before the first row comes.
READ_AT_ONCE = 1 << 18


class StreamedRows(ABC):
    """The rows of a split by number, in pieces that can be opened at any row and are then read forward.

    Attributes:
        name: of the split, for messages.
        features: of the image and the label column.
        labels: of all rows, as stored.
        starts: int64 (pieces + 1,), the number of the first row of each piece, and of all rows.
        paths: of the files that rows name as their images, where this is known.
    """

    name: str
    features: datasets.Features
    labels: pa.ChunkedArray
    starts: np.ndarray
    paths: Sequence[str] = ()

    def __len__(self) -> int:
        return int(self.starts[-1])

    @abstractmethod
    def open(self, row: int) -> Iterator[list[dict | None]]:
        """Returns the stored images from a row on to the end of its piece, some at a time.

        Raises:
            InputError: they cannot be read.
        """

    def _place(self, row: int) -> tuple[int, int]:
        """Returns the piece a row is in, and how many rows of the piece come before it."""
        piece = int(np.searchsorted(self.starts, row, "right")) - 1
        return piece, row - int(self.starts[piece])


class StreamedSplit(StreamedRows):
    """A split that `datasets` reads, a piece being some of its files.

    The column of labels is read once when this is made; images are read when they are asked for.

    Args:
        stream: the rows.
        columns: the image and the label column.
        name: of the split, for messages.

    Raises:
        InputError: the stream cannot be read, or does not have the columns.
    """

    def __init__(self, stream: datasets.IterableDataset, columns: Columns, name: str):
        self.name = name
        self._column = columns.image
        self.features = datasets.Features({column: stream.features[column] for column in vars(columns).values()})
        if stream.num_shards < FEW_PIECES and hasattr(stream, "reshard"):
            stream = stream.reshard()
        self._stream = stream.cast_column(columns.image, datasets.Image(decode=False))
        self._pieces = min(self._stream.num_shards, MANY_PIECES)
        parts = [self._labels_of(piece, columns.label) for piece in range(self._pieces)]
        self.labels = _joined(parts)
        self.starts = _starts(map(len, parts))

    def open(self, row: int) -> Iterator[list[dict | None]]:
        """See `StreamedRows`."""
        piece, passed = self._place(row)
        rows = self._stream.shard(self._pieces, piece).select_columns([self._column])
        tables = rows.skip(passed).with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
        return (table.column(self._column).to_pylist() for table in self._read(tables))

    def _labels_of(self, piece: int, column: str) -> pa.ChunkedArray:
        rows = self._stream.shard(self._pieces, piece).select_columns([column])
        tables = list(self._read(rows.with_format("arrow").iter(batch_size=1000)))
        kind = datasets.Features({column: self.features[column]}).arrow_schema.field(0).type
        return pa.chunked_array([chunk for table in tables for chunk in table.column(0).cast(kind).chunks], type=kind)

    def _read(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        try:
            yield from tables
        except (OSError, ValueError, RuntimeError, DatasetsError, HTTPError) as error:
            raise InputError(f"the {self.name} split cannot be read further: {reason_of(error)}") from error


class ParquetSplit(StreamedRows):
    """A split of which a piece is a group of rows of a file.

    `datasets` reads such groups whole, and writers often put all rows of a file into one. This reads forward within
    them, a page at a time (some 1,000 rows or 1 MB): the first image comes at once, and memory holds a page.

    Args:
        files: local paths, or addresses for `fsspec`.
        features: of the two columns; files that store the images as plain bytes are cast to them.
        columns: the image and the label column.
        name: of the split, for messages.

    Raises:
        InputError: a file cannot be read or has no image column.
    """

    def __init__(self, files: Sequence[str], features: datasets.Features, columns: Columns, name: str):
        self.name = name
        self.features = datasets.Features({column: features[column] for column in vars(columns).values()})
        self._image = columns.image
        self._stored = datasets.Image(decode=False)
        self._groups: list[tuple[str, int]] = []
        counts, labels, paths = [], [], []
        for path in files:
            with self._opened(path) as file:
                self._check_image_column(path, file)
                rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
                self._groups += [(path, group) for group, count in enumerate(rows) if count]
                counts += filter(None, rows)
                labels.append(self._labels_of(file, columns.label))
                paths += self._paths_of(file)
        self.labels = _joined(labels)
        self.starts = _starts(counts)
        self.paths = paths

    def open(self, row: int) -> Iterator[list[dict | None]]:
        """See `StreamedRows`."""
        piece, passed = self._place(row)
        path, group = self._groups[piece]
        with self._opened(path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=[self._image]):
                if passed < len(batch):
                    yield cast_array_to_feature(batch.column(0).slice(passed), self._stored).to_pylist()
                passed = max(passed - len(batch), 0)

    @contextmanager
    def _opened(self, path: str) -> Iterator[pq.ParquetFile]:
        """Yields the file, if what goes wrong while it is open is told as an `InputError`."""
        try:
            # What `datasets` streams with, which outlasts minutes without a connection; local paths are read faster.
            source = xopen(path, "rb") if is_remote_url(path) else path
            with pq.ParquetFile(source, pre_buffer=False, buffer_size=READ_AT_ONCE) as file:
                yield file
        except InputError:
            raise
        except (OSError, ValueError, HTTPError) as error:
            place = "" if path in str(error) else f"{path}: "
            raise InputError(f"the {self.name} split cannot be read further: {place}{reason_of(error)}") from error

    def _check_image_column(self, path: str, file: pq.ParquetFile) -> None:
        if self._image not in file.schema_arrow.names:
            raise InputError(f"{path} has no column {self._image!r}; give all files the same columns")

    def _labels_of(self, file: pq.ParquetFile, column: str) -> pa.ChunkedArray:
        """Of all rows, None for all where the file has no such column."""
        kind = self.features.arrow_schema.field(column).type
        if column not in file.schema_arrow.names:
            return pa.chunked_array([pa.nulls(file.metadata.num_rows, kind)])
        stored, feature = file.read([column]).column(0), self.features[column]
        # For numbers the plain cast: that of a `ClassLabel` refuses those out of range without naming a row.
        return stored.cast(kind) if pa.types.is_integer(stored.type) else cast_array_to_feature(stored, feature)

    def _paths_of(self, file: pq.ParquetFile) -> list[str]:
        """Of all rows of a file that holds no bytes of images; these are not read."""
        leaves = [file.schema.column(index).path for index in range(len(file.schema))]
        if f"{self._image}.bytes" not in leaves:
            return []
        index = leaves.index(f"{self._image}.bytes")
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        if not all(group.column(index).is_stats_set and _is_empty(group.column(index)) for group in groups):
            return []
        stored = file.read([f"{self._image}.path"]).column(0)
        return pc.struct_field(stored, "path").drop_null().to_pylist()


def _is_empty(column: pq.ColumnChunkMetaData) -> bool:
    return column.statistics.null_count == column.num_values


def _joined(parts: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], type=parts[0].type)


def _starts(lengths: Iterable[int]) -> np.ndarray:
    return np.cumsum([0, *lengths], dtype=np.int64)
