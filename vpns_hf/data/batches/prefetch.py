"""Batches that a thread prepares, crops and all, while those before are in use."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...utils.read_ahead import ReadAhead
from ..provenance import Origin
from .batches import Batch, EvalBatches, TrainBatches

# Pictures as floats take four times the memory of those that are only decoded, of which some wait as well.
DEPTH = 1


class EarlyTrainBatches:
    """The same as `TrainBatches`, of which the first ones of an epoch can be asked for early.

    Args:
        batches: to prepare.
    """

    def __init__(self, batches: TrainBatches):
        self._batches = batches
        self._begun: dict[int, ReadAhead[Batch]] = {}

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def batch_size(self) -> int:
        """See `TrainBatches`."""
        return self._batches.batch_size

    @property
    def origin(self) -> Origin:
        """See `TrainBatches`."""
        return self._batches.origin

    def begin(self, epoch: int) -> None:
        """Starts on the first batches of an epoch, for whoever asks for one next."""
        self._begun = {epoch: self._ahead(epoch, 0)}

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """See `TrainBatches.epoch`."""
        begun, self._begun = self._begun, {}
        return begun[epoch] if epoch in begun and start == 0 else self._ahead(epoch, start)

    def rows(self, epoch: int, index: int) -> torch.Tensor:
        """See `TrainBatches.rows`."""
        return self._batches.rows(epoch, index)

    def _ahead(self, epoch: int, start: int) -> ReadAhead[Batch]:
        return ReadAhead(_called(self._batches, epoch, start), DEPTH)


class EarlyEvalBatches:
    """The same as `EvalBatches`.

    Args:
        batches: to prepare.
    """

    def __init__(self, batches: EvalBatches):
        self.batch_size = batches.batch_size
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return ReadAhead(self._batches, DEPTH)


def _called(batches: TrainBatches, epoch: int, start: int) -> Iterator[Batch]:
    """Yields an epoch whose order, too, is found when the first batch is asked for."""
    yield from batches.epoch(epoch, start)
