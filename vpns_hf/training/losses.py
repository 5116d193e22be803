"""The losses of an epoch, kept on the device until somebody looks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from ..data.batches import EarlyTrainBatches, TrainBatches
from ..errors import InputError
from ..reporting import ViewLoss

logger = logging.getLogger(__name__)

# What is said of a job that has diverged goes for other options, which an unfinished job does not take.
ANEW = "start anew with --resume_from_checkpoint none"
LOOK_EVERY = 50  # updates; a look waits for the device and the other processes
IMAGES_NAMED = 8


@dataclass(frozen=True)
class LossSource:
    """Where the losses of an epoch come from.

    Attributes:
        name: of the stage.
        views: of its updates, in turn.
        streams: the batches of each update.
    """

    name: str
    views: Sequence[str]
    streams: Sequence[TrainBatches | EarlyTrainBatches]


class EpochLosses:
    """Sums this process's losses of each view, and notes the first that is not finite.

    Args:
        source: the updates, in turn.
        accelerator: joins the processes.
        stops: whether a loss that is not finite ends the run.

    Attributes:
        sums: {view: sum of its finite losses, and "finite VIEW": their number}, 0-dim float32, changed in place.
    """

    def __init__(self, source: LossSource, accelerator: Accelerator, stops: bool = True) -> None:
        self._source, self._accelerator, self._stops = source, accelerator, stops
        self._views = list(dict.fromkeys(source.views))
        names = [*self._views, *map(_number, self._views)]
        self.sums = {name: torch.zeros((), device=accelerator.device) for name in names}
        self._first = torch.full((), -1, dtype=torch.int64, device=accelerator.device)
        self.start_epoch(1)

    def start_epoch(self, epoch: int, steps: int = 0) -> None:
        """Goes to the start of an epoch, counted from 1, or on from where so many of its iterations are taken."""
        self._epoch, self._updates = epoch, steps * len(self._source.views)
        self._first.fill_(-1)
        for value in self.sums.values():
            value.zero_()

    def add(self, view: str, loss: Tensor) -> None:
        """Counts in the loss of the next update."""
        finite = loss.isfinite()
        self.sums[view] += loss.masked_fill(~finite, 0.0)
        self.sums[_number(view)] += finite
        self._first.masked_fill_(~finite & (self._first < 0), self._updates)
        self._updates += 1
        if self._updates % LOOK_EVERY == 0:
            self.look()

    def look(self) -> None:
        """Looks whether the losses so far were finite, where that matters; all processes look at the same time.

        Raises:
            InputError: if one was not: which, and on which images.
        """
        if not self._stops:
            return
        firsts = self._accelerator.gather(self._first.view(1)).tolist()
        bad = [(number, process) for process, number in enumerate(firsts) if number >= 0]
        if bad:
            raise InputError(self._identity(*min(bad)))

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """An error within that follows from a loss that is not finite is raised as that."""
        try:
            yield
        except InputError:
            self.look()
            raise

    def means(self) -> ViewLoss:
        """Returns the mean loss of each view over all processes.

        Raises:
            InputError: as `look`, or if no loss of a view was finite.
        """
        self.look()
        totals = {name: self._accelerator.reduce(value, "sum").item() for name, value in self.sums.items()}
        for view in self._views:
            if not totals[_number(view)]:
                raise InputError(
                    f"no loss of the {view} pictures was finite in {self._where()}: training diverged; "
                    f"lower the learning rates and {ANEW}"
                )
        return ViewLoss(**{view: totals[view] / totals[_number(view)] for view in self._views})

    def skipped(self) -> int:
        """Returns how many updates were left out in the epoch so far, and says so if there are any."""
        finite = torch.stack([self.sums[_number(view)] for view in self._views]).sum()
        skipped = self._updates - round(self._accelerator.reduce(finite, "mean").item())
        if skipped:
            logger.warning("%d updates of %s were left out: loss or gradient not finite", skipped, self._where())
        return skipped

    def _where(self) -> str:
        return f"epoch {self._epoch} of {self._source.name}"

    def _identity(self, number: int, process: int) -> str:
        step, place = divmod(number, len(self._source.views))
        stream = self._source.streams[place]
        rows = stream.rows(self._epoch, step)[process :: self._accelerator.num_processes].tolist()
        return (
            f"the loss of the {self._source.views[place]} pictures is not finite in step {step + 1} of {self._where()} "
            f"({stream.origin.describe_all(rows, IMAGES_NAMED)}): training diverged; lower the learning rates, "
            f"look at these images, or give --skip_nonfinite to leave such updates out; {ANEW}"
        )


def _number(view: str) -> str:
    return f"finite {view}"
