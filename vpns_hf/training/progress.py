"""Where a training stage stands, so that it can go on in the middle of an epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .losses import EpochLosses
from .waiting import Waiting


class StageProgress:
    """A training stage on its way: optimiser, schedule, and the place in its epochs.

    Args:
        optimizers: by name, as the accelerator prepared them.
        schedule: of learning rates, for an optimiser of a name.
        losses: of the epoch, on the device.
        scaler: of the gradients, where the precision needs one.

    Attributes:
        schedules: of each optimiser, stepped once per epoch.
        epoch: the one in progress, counted from 1; `epochs + 1` when all are over.
        step: iterations taken in it.
        trained: whether all of its iterations are taken, so that only its evaluation is left.
        waiting: how long this process has waited for batches in the epoch.
    """

    def __init__(
        self,
        optimizers: Mapping[str, AcceleratedOptimizer],
        schedule: Callable[[str, Optimizer], LRScheduler],
        losses: EpochLosses,
        scaler: GradScaler | None = None,
    ) -> None:
        self.optimizers, self.losses, self.scaler = dict(optimizers), losses, scaler
        self.schedules = {name: schedule(name, optimizer.optimizer) for name, optimizer in self.optimizers.items()}
        self.epoch, self.step, self.trained = 1, 0, False
        self.waiting = Waiting()
        self._before, self._start = 0.0, time.perf_counter()

    @property
    def sums(self) -> dict[str, Tensor]:
        """What this process has summed up in the epoch, 0-dim float32 each, to be changed in place."""
        return self.losses.sums

    @property
    def seconds(self) -> float:
        """Wall-clock time of the epoch so far, that of interrupted processes included."""
        return self._before + time.perf_counter() - self._start

    @property
    def learning_rate(self) -> float:
        """Of the first group of the first optimiser."""
        return next(iter(self.schedules.values())).get_last_lr()[0]

    def next_epoch(self) -> None:
        """Goes to the start of the next epoch and its learning rates."""
        with warnings.catch_warnings():
            # Taken up after the last iteration of its first epoch, a stage has made no step that torch knows of.
            warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler\.step")
            for schedule in self.schedules.values():
                schedule.step()
        self.epoch, self.step, self.trained = self.epoch + 1, 0, False
        self.waiting = Waiting()
        self.losses.start_epoch(self.epoch)
        self._before, self._start = 0.0, time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """Returns what all processes share, as tensors and plain values."""
        return {
            **{name: getattr(self, name) for name in ("epoch", "step", "trained", "seconds")},
            "waiting": self.waiting.seconds,
            "optimizers": {name: entry.optimizer.state_dict() for name, entry in self.optimizers.items()},
            "schedules": {name: schedule.state_dict() for name, schedule in self.schedules.items()},
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to where `state` was taken."""
        self.epoch, self.step, self.trained = state["epoch"], state["step"], state["trained"]
        self._before, self._start = state["seconds"], time.perf_counter()
        self.waiting = Waiting(state["waiting"])
        self.losses.start_epoch(self.epoch, self.step)
        for name, optimizer in self.optimizers.items():
            optimizer.optimizer.load_state_dict(state["optimizers"][name])
            self.schedules[name].load_state_dict(state["schedules"][name])
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])
