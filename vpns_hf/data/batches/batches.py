"""Batches of a cached split, shared out over processes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ...errors import InputError
from ..images import ImageSource
from ..provenance import Origin
from ..take import to_device
from .crops import CropPlan
from .side_stream import on_a_side_stream
from .transforms import EvalTransform, Transform

# The last batch of an epoch is topped up to a multiple of this many images, so that it is the same for 1, 2, 4 and 8
# processes with at least two images, which batch norm needs, for each.
TOP_UP = 16


class Batch(NamedTuple):
    """One process's share of a batch.

    `pixel_values` float32 (b, 3, I, I) in [0, 1], channels last in memory; `labels` int64 (b,); `valid` bool (b,), False for rows that only
    fill up the share of a process and must not be counted, None where all count.
    """

    pixel_values: torch.Tensor
    labels: torch.Tensor
    valid: torch.Tensor | None = None


@dataclass(frozen=True)
class Process:
    """Which process this is of how many, and its device."""

    index: int = 0
    count: int = 1
    device: torch.device | str = "cpu"

    def share(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns every `count`-th row, from the `index`-th."""
        return rows[self.index :: self.count]


class TrainBatches:
    """Shuffled batches without end: every epoch has its own order and its own random crops.

    The global batches do not depend on the number of processes: process r of P takes the rows r, r + P, r + 2P, ...
    of each, and puts those to mirror last. No row is dropped: the last batch of an epoch is topped up from the start
    of the order.

    Args:
        cache: the decoded images.
        transform: applied on the device.
        batch_size: images over all processes together; a multiple of the number of processes, at least two for each.
        seed: of order and crops.
        stream: a name; streams over one cache have independent orders and crops.
        process: this process's index, their number and its device.

    Raises:
        InputError: the batch size cannot be shared out.
    """

    def __init__(
        self,
        cache: ImageSource,
        transform: Transform,
        *,
        batch_size: int,
        seed: int,
        stream: str,
        process: Process | None = None,
    ):
        process = process or Process()
        if batch_size % process.count or batch_size < 2 * process.count:
            raise InputError(
                f"batch_size {batch_size} over {process.count} processes; "
                f"give a multiple of {process.count}, at least {2 * process.count}"
            )
        self.batch_size = batch_size
        self._reader = _Reader(cache, transform, process)
        self._seed = seed
        self._stream = stream

    def __len__(self) -> int:
        """Global batches per epoch."""
        return math.ceil(len(self._reader) / self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """This process's share of each batch of an epoch.

        Args:
            epoch: its number; the same number gives the same batches.
            start: the number of batches to skip, to go on in the middle of an epoch.
        """
        generator = self._generator(epoch)
        batches = self._batches(generator)
        plan = self._reader.transform.plan(len(self._reader), generator)
        return self._reader.read_all([self._reader.process.share(rows) for rows in batches[start:]], plan)

    def begin(self, epoch: int) -> None:
        """An epoch is going to be asked for; batches of images that are decoded already need no preparation."""

    def rows(self, epoch: int, index: int) -> torch.Tensor:
        """Returns the rows of all processes in one batch of an epoch: int64 (b,), numbered as in the cache."""
        return self._batches(self._generator(epoch))[index]

    @property
    def origin(self) -> Origin:
        """Where the rows come from, for messages."""
        return self._reader.source.origin or Origin.whole({"train": len(self._reader)})

    def _generator(self, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed(_mixed_seed(self._seed, self._stream, epoch))

    def _batches(self, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        order = self._reader.source.order(generator, self._reader.process.count)
        return self._topped_up(order).split(self.batch_size)

    def _topped_up(self, order: torch.Tensor) -> torch.Tensor:
        multiple = min(self.batch_size, math.lcm(TOP_UP, 2 * self._reader.process.count))
        rest = len(order) % self.batch_size
        wanted = len(order) - rest + min(math.ceil(rest / multiple) * multiple, self.batch_size)
        return order[torch.arange(wanted) % len(order)]


class EvalBatches:
    """Every row once and in order; all processes take the same number of batches of the same size.

    Process r of P takes the rows r, r + P, r + 2P, ... of each global batch. Where the last one cannot be shared out
    evenly, rows that are not `valid` fill it up.

    Args:
        cache: the decoded images.
        transform: applied on the device.
        batch_size: images over all processes together; rounded up to a multiple of their number.
        process: this process's index, their number and its device.
    """

    def __init__(
        self, cache: ImageSource, transform: EvalTransform, *, batch_size: int, process: Process | None = None
    ):
        process = process or Process()
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; give a number of at least 1")
        self.batch_size = math.ceil(batch_size / process.count) * process.count
        self._reader = _Reader(cache, transform, process)

    def __len__(self) -> int:
        """Global batches."""
        return math.ceil(len(self._reader) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        total, count = len(self._reader), self._reader.process.count
        rows = torch.arange(math.ceil(total / count) * count)
        plan = CropPlan.whole(total)
        mine = [self._reader.process.share(batch) for batch in rows.split(self.batch_size)]
        return self._reader.read_all(
            [rows.clamp(max=total - 1) for rows in mine], plan, [rows < total for rows in mine]
        )


class _Reader:
    """Rows of a source, on the device and transformed."""

    def __init__(self, source: ImageSource, transform: Transform, process: Process):
        self.transform = transform
        self.process = process
        self.source = source
        self._device = torch.device(process.device)

    def __len__(self) -> int:
        return len(self.source)

    def read_all(
        self, batches: Sequence[torch.Tensor], plan: CropPlan, valid: Sequence[torch.Tensor] | None = None
    ) -> Iterator[Batch]:
        """Returns the images of one batch of rows after the other; what is `valid` stays at its row only if none is mirrored."""
        return on_a_side_stream(self._prepare(batches, plan, valid), self._device)

    def _prepare(
        self, batches: Sequence[torch.Tensor], plan: CropPlan, valid: Sequence[torch.Tensor] | None
    ) -> Iterator[Batch]:
        taken = [plan.take(rows) for rows in batches]
        images = self.source.read_all([rows for rows, _ in taken])
        for (rows, crops), pixels, counted in zip(taken, images, valid or [None] * len(taken), strict=True):
            pixel_values = self.transform(pixels.to(self._device), crops.to(self._device))
            labels = to_device(self.source.labels[rows], self._device)
            yield Batch(pixel_values, labels, None if counted is None else to_device(counted, self._device))


def _mixed_seed(seed: int, stream: str, epoch: int) -> int:
    digest = hashlib.sha256(f"{seed}/{stream}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
