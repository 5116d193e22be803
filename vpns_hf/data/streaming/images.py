"""Images that are read from a stream, and decoded, for every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import datasets
import numpy as np
import torch

from ...errors import InputError, OwnInputError
from ...utils.read_ahead import ReadAhead
from ..images import (
    CHUNK,
    ON_BAD_IMAGE,
    ON_LATE_BAD_IMAGE,
    BadImage,
    StoredDecoder,
    own_cores,
    report,
    report_kept,
    stack_kept,
)
from ..provenance import Origin
from ..sources import Columns
from ..store import readable_rows
from ..take import Take
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
        on_bad_image: as for `UncachedImages`.
        skipped: how many rows were left out.
        misread: how many a saved model sees other pixels of.
        digests: as those of an `ImageCache`.
    """

    def __init__(
        self,
        splits: Sequence[StreamedRows],
        numbers: np.ndarray,
        size: int,
        labels: torch.Tensor,
        origin: Origin,
        buffer: int,
        on_bad_image: Callable[[BadImage, Origin], bool],
        skipped: int = 0,
        misread: int = 0,
        digests: np.ndarray | None = None,
    ):
        self.labels = labels
        self.skipped = skipped
        self.misread = misread
        self.digests = digests
        self._on_bad_image = on_bad_image
        self._splits = splits
        self._numbers = numbers
        self._size = size
        self.origin = origin
        self._buffer = buffer
        self._decoder = StoredDecoder(own_cores())

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, generator: torch.Generator, processes: int) -> torch.Tensor:
        """Returns all rows in random order, no further from where they are in the stream than the buffer allows."""
        ends = np.concatenate([split.starts[1:] for split in self._splits])
        firsts = np.repeat(np.cumsum([0, *map(len, self._splits[:-1])]), [len(s.starts) - 1 for s in self._splits])
        pieces = np.searchsorted(ends + firsts, self._numbers, "right")
        return stream_order(torch.from_numpy(pieces), self._buffer, processes, generator)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns the images of some rows: uint8 (n, 3, H, W).

        Raises:
            InputError: an image cannot be read.
        """
        [images] = self._decoded([rows])
        return images

    def read_all(self, batches: Sequence[torch.Tensor]) -> Iterator[Take]:
        """Returns the images of one batch of rows after the other, read and decoded while those before are in use."""
        return ReadAhead(map(Take, self._decoded_here(batches)))

    def _decoded_here(self, batches: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Of the share of one process, which is alone in finding what is wrong with it."""
        try:
            yield from self._decoded(batches)
        except InputError as error:
            raise OwnInputError(str(error)) from error

    def _decoded(self, batches: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        for rows, stored in zip(batches, self._stored(batches), strict=True):
            images = self._decoder.decode(rows.tolist(), stored, [self._size])
            yield stack_kept(images, self._on_bad_image, self.origin)

    def _stored(self, batches: Sequence[torch.Tensor]) -> StreamReader:
        return _reader(self._splits, self._numbers, batches, self._buffer)


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
        self._on_late = ON_LATE_BAD_IMAGE[on_bad_image]
        self._buffer = buffer

    def open(self, split: datasets.Dataset, sizes: Sequence[int], name: str, origin: Origin) -> list[StreamedImages]:
        """Returns the images of a split for each of several transforms; see `ImageStore.open`."""
        splits, numbers = self._index.find(split, self._columns.image)
        found, digests = _tried(splits, numbers) if self._try_all else ([], None)
        misread = [image for image in found if self._on_bad_image(image, origin)]
        bad = [image for image in found if image not in misread]
        report(bad, origin)
        report_kept(misread, origin)
        kept = readable_rows(split, self._columns, bad, name, origin)
        rest = (
            kept.labels,
            kept.origin,
            self._buffer,
            self._on_late,
            len(bad),
            len(misread),
            None if digests is None else digests[kept.rows],
        )
        return [StreamedImages(splits, numbers[kept.rows], size, *rest) for size in sizes]


def _reader(
    splits: Sequence[StreamedRows], numbers: np.ndarray, batches: Sequence[torch.Tensor], buffer: int
) -> StreamReader:
    """Reads batches of rows, which are numbered as `numbers` are and stray from their place by the buffer."""
    # Each lane is read some rows at a time.
    horizon = 2 * (buffer + LANES * ROWS_AT_ONCE) + 4 * max(map(len, batches), default=0)
    return StreamReader(splits, [numbers[rows.numpy()] for rows in batches], horizon)


def _tried(splits: Sequence[StreamedRows], numbers: np.ndarray) -> tuple[list[BadImage], np.ndarray]:
    """Tries all images; returns those that cannot be read or are misread, and the digests of all, 0 where there is none."""
    decoder, bad, digests = StoredDecoder(own_cores()), [], []
    batches = torch.arange(len(numbers)).split(CHUNK)
    for rows, stored in zip(batches, _reader(splits, numbers, batches, buffer=1), strict=True):
        images = decoder.decode(rows.tolist(), stored, [])
        problems = [image if isinstance(image, BadImage) else image.misread for image in images]
        bad.extend(problem for problem in problems if problem is not None)
        digests.extend(0 if isinstance(image, BadImage) else image.digest for image in images)
    return bad, np.array(digests, dtype=np.uint64)
