"""The losses of an epoch, kept on the device until somebody looks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vpns_hf.errors import InputError
from vpns_hf.reporting import ViewLoss

if TYPE_CHECKING:
    from .run import Run
    from .stages import TrainingStage, Update

logger = logging.getLogger(__name__)

# What is said of a job that has diverged goes for other options, which an unfinished job does not take.
ANEW = "start anew with --resume_from_checkpoint none"
LOOK_EVERY = 50  # updates; a look waits for the device and the other processes
IMAGES_NAMED = 8


class EpochLosses:
    """Sums this process's losses of each view, and notes the first that is not finite.

    Args:
        stage: whose updates are taken, in turn.
        device: of the losses.

    Attributes:
        sums: {view: sum of its finite losses, and "finite VIEW": their number}, 0-dim float32, changed in place.
    """

    def __init__(self, stage: TrainingStage, device: torch.device) -> None:
        self._stage = stage
        self._views = list(dict.fromkeys(update.view for update in stage.updates))
        names = [*self._views, *map(_number, self._views)]
        self.sums = {name: torch.zeros((), device=device) for name in names}
        self._first = torch.full((), -1, dtype=torch.int64, device=device)
        self.start_epoch(1)

    def start_epoch(self, epoch: int, steps: int = 0) -> None:
        """Goes to the start of an epoch, counted from 1, or on from where so many of its iterations are taken."""
        self._epoch, self._updates = epoch, steps * len(self._stage.updates)
        self._first.fill_(-1)
        for value in self.sums.values():
            value.zero_()

    def add(self, run: Run, update: Update, loss: Tensor) -> None:
        """Counts in the loss of the next update."""
        finite = loss.isfinite()
        self.sums[update.view] += loss.masked_fill(~finite, 0.0)
        self.sums[_number(update.view)] += finite
        self._first.masked_fill_(~finite & (self._first < 0), self._updates)
        self._updates += 1
        if self._updates % LOOK_EVERY == 0:
            self.look(run)

    def look(self, run: Run) -> None:
        """Looks whether the losses so far were finite, where that matters; all processes look at the same time.

        Raises:
            InputError: if one was not: which, and on which images.
        """
        if not run.stepping.non_finite.stops:
            return
        firsts = run.accelerator.gather(self._first.view(1)).tolist()
        bad = [(number, process) for process, number in enumerate(firsts) if number >= 0]
        if bad:
            raise InputError(self._identity(run, *min(bad)))

    @contextmanager
    def explaining(self, run: Run) -> Iterator[None]:
        """An error within that follows from a loss that is not finite is raised as that."""
        try:
            yield
        except InputError:
            self.look(run)
            raise

    def means(self, run: Run) -> ViewLoss:
        """Returns the mean loss of each view over all processes.

        Raises:
            InputError: as `look`, or if no loss of a view was finite.
        """
        self.look(run)
        totals = {name: run.accelerator.reduce(value, "sum").item() for name, value in self.sums.items()}
        for view in self._views:
            if not totals[_number(view)]:
                raise InputError(
                    f"no loss of the {view} pictures was finite in {self._where()}: training diverged; "
                    f"lower the learning rates and {ANEW}"
                )
        return ViewLoss(**{view: totals[view] / totals[_number(view)] for view in self._views})

    def skipped(self, run: Run) -> int:
        """Returns how many updates were left out in the epoch so far, and says so if there are any."""
        finite = torch.stack([self.sums[_number(view)] for view in self._views]).sum()
        skipped = self._updates - round(run.accelerator.reduce(finite, "mean").item())
        if skipped:
            logger.warning("%d updates of %s were left out: loss or gradient not finite", skipped, self._where())
        return skipped

    def _where(self) -> str:
        return f"epoch {self._epoch} of {self._stage.name}"

    def _identity(self, run: Run, number: int, process: int) -> str:
        updates = self._stage.updates
        step, update = number // len(updates), updates[number % len(updates)]
        stream = update.stream(run.data)
        rows = stream.rows(self._epoch, step)[process :: run.accelerator.num_processes].tolist()
        return (
            f"the loss of the {update.view} pictures is not finite in step {step + 1} of {self._where()} "
            f"({stream.origin.describe_all(rows, IMAGES_NAMED)}): training diverged; lower the learning rates, "
            f"look at these images, or give --skip_nonfinite to leave such updates out; {ANEW}"
        )


def _number(view: str) -> str:
    return f"finite {view}"
