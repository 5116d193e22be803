"""Images that are read from a stream, and decoded, for every batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import datasets
import numpy as np
import torch

from ...errors import InputError, OwnInputError
from ...utils.read_ahead import ReadAhead
from ..images.bad_images import ON_BAD_IMAGE, BadImage, refuse_late, report
from ..images.decoding import CHUNK, StoredDecoder, own_cores, stack_planes
from ..provenance import Origin
from ..sources.columns import Columns
from ..sources.labels import read_column
from ..store.readable import check_every_class_readable, none_readable
from ..take import Selection
from .index import StreamIndex
from .order import LANES, stream_order
from .pieces import ROWS_AT_ONCE, StreamedRows
from .reader import StreamReader


class StreamedImages:
    """The bytes an `ImageCache` of images resized to a square would give.

    Args:
        splits: the streams.
        numbers: int64 (N,), ascending; the rows of this source, counted through the streams.
        size: of the square, in pixels.
        labels: int64 (N,).
        origin: where the rows come from, for messages.
        buffer: rows that are shuffled among each other.
        skipped: how many rows were left out.
    """

    def __init__(
        self,
        splits: Sequence[StreamedRows],
        numbers: np.ndarray,
        size: int,
        labels: torch.Tensor,
        origin: Origin,
        buffer: int,
        skipped: int = 0,
    ):
        self.labels = labels
        self.skipped = skipped
        self._splits = splits
        self._numbers = numbers
        self._size = size
        self.origin = origin
        self._buffer = buffer
        self._decoder = StoredDecoder(own_cores())

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """All rows in random order, no further from where they are in the stream than the buffer allows."""
        ends = np.concatenate([split.starts[1:] for split in self._splits])
        firsts = np.repeat(np.cumsum([0, *map(len, self._splits[:-1])]), [len(s.starts) - 1 for s in self._splits])
        pieces = np.searchsorted(ends + firsts, self._numbers, "right")
        return stream_order(torch.from_numpy(pieces), self._buffer, processes, generator)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The images of some rows: uint8 (n, 3, H, W).

        Raises:
            InputError: an image cannot be read.
        """
        [images] = self._decoded([rows])
        return images

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Selection]:
        """The images of one batch of rows after the other, read and decoded while those before are in use."""
        return ReadAhead(map(Selection, self._decoded_here(batches)))

    def bad_images(self) -> list[BadImage]:
        """Tries all images; returns those that cannot be read."""
        bad = []
        batches = torch.arange(len(self)).split(CHUNK)
        for rows, stored in zip(batches, self._stored(batches), strict=True):
            images = self._decoder.decode(rows.tolist(), stored, [])
            bad.extend(image for image in images if isinstance(image, BadImage))
        return bad

    def _decoded_here(self, batches: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Of the share of one process, which is alone in finding what is wrong with it."""
        try:
            yield from self._decoded(batches)
        except InputError as error:
            raise OwnInputError(str(error)) from error

    def _decoded(self, batches: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        for rows, stored in zip(batches, self._stored(batches), strict=True):
            images = self._decoder.decode(rows.tolist(), stored, [self._size])
            for image in images:
                if isinstance(image, BadImage):
                    refuse_late(image, self.origin)
            yield torch.from_numpy(stack_planes([image for [image] in images]))

    def _stored(self, batches: Sequence[torch.Tensor]) -> StreamReader:
        # Rows stray from their place by the buffer, and each lane is read some rows at a time.
        horizon = 2 * (self._buffer + LANES * ROWS_AT_ONCE) + 4 * max(map(len, batches), default=0)
        return StreamReader(self._splits, [self._numbers[rows.numpy()] for rows in batches], horizon)


class StreamStore:
    """Opens the images of splits whose rows are those of a `StreamIndex`; takes the place of an `ImageStore`.

    Args:
        index: the streams.
        columns: the image and the label column.
        on_bad_image: one of `ON_BAD_IMAGE`; all but "error" try every image once at the start, as what is left out
            must be known before rows are shared out.
        buffer: rows that are shuffled among each other.
    """

    def __init__(self, index: StreamIndex, columns: Columns, on_bad_image: str, buffer: int):
        self._index = index
        self._columns = columns
        self._try_all = on_bad_image != "error"
        self._on_bad_image = ON_BAD_IMAGE[on_bad_image]
        self._buffer = buffer

    def open(self, split: datasets.Dataset, sizes: Sequence[int], name: str, origin: Origin) -> list[StreamedImages]:
        """The images of a split for each of several transforms; see `ImageStore.open`."""
        splits, numbers = self._index.find(split, self._columns.image)
        labels = torch.tensor(read_column(split, self._columns.label), dtype=torch.int64)
        source = StreamedImages(splits, numbers, sizes[0], labels, origin, self._buffer)
        bad = source.bad_images() if self._try_all else []
        for image in bad:
            self._on_bad_image(image, origin)
        report(bad, origin)
        kept = np.delete(np.arange(len(numbers)), [image.row for image in bad])
        if len(kept) == 0:
            raise none_readable(bad[-1], name, origin)
        check_every_class_readable(split, self._columns.label, kept, name)
        origin = origin.select(kept) if bad else origin
        rest = (labels[torch.from_numpy(kept)], origin, self._buffer, len(bad))
        return [StreamedImages(splits, numbers[kept], size, *rest) for size in sizes]
