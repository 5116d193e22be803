"""The rows of a stream by number: how many there are, their labels, and a way to start reading at any of them."""

from __future__ import annotations

from collections.abc import Iterator

import datasets
import numpy as np
import pyarrow as pa
from datasets.exceptions import DatasetsError
from huggingface_hub.errors import HTTPError

from vpns_hf.data.columns import Columns
from vpns_hf.data.reasons import reason_of
from vpns_hf.data.streamed_rows import ROWS_AT_ONCE, StreamedRows
from vpns_hf.errors import InputError

FEW_PIECES, MANY_PIECES = 64, 1024


class StreamedSplit(StreamedRows):
    """A split that is read piece by piece, a piece being some of its files.

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
        self._stream = _in_pieces(stream).cast_column(columns.image, datasets.Image(decode=False))
        self._pieces = min(self._stream.num_shards, MANY_PIECES)
        parts = [self._labels_of(piece, columns.label) for piece in range(self._pieces)]
        self.labels = pa.chunked_array([chunk for part in parts for chunk in part.chunks], type=parts[0].type)
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def open(self, row: int) -> Iterator[list[dict | None]]:
        """See `StreamedRows`."""
        piece = int(np.searchsorted(self.starts, row, "right")) - 1
        rows = self._stream.shard(self._pieces, piece).select_columns([self._column])
        tables = rows.skip(row - int(self.starts[piece])).with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
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


def _in_pieces(stream: datasets.IterableDataset) -> datasets.IterableDataset:
    """The stream in more pieces, if it has few files that can be divided."""
    if stream.num_shards < FEW_PIECES and hasattr(stream, "reshard"):
        return stream.reshard()
    return stream
