"""Where a training stage stands, so that it can go on in the middle of an epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from .epoch_losses import EpochLosses
from .waiting import Waiting

if TYPE_CHECKING:
    from .stages import TrainingStage


class StageProgress:
    """A training stage on its way: optimiser, schedule, and the place in its epochs.

    Args:
        stage: that trains.
        optimizer: as the accelerator prepared it.
        accelerator: of the run.

    Attributes:
        schedule: cosine annealing over the epochs of the stage, stepped once per epoch.
        epoch: the one in progress, counted from 1; `stage.epochs + 1` when all are over.
        step: iterations taken in it.
        trained: whether all of its iterations are taken, so that only its evaluation is left.
        losses: of the epoch, on the device.
        waiting: how long this process has waited for batches in the epoch.
    """

    def __init__(self, stage: TrainingStage, optimizer: AcceleratedOptimizer, accelerator: Accelerator) -> None:
        self.stage = stage
        self.optimizer = optimizer
        self.scaler = accelerator.scaler
        self.schedule = CosineAnnealingLR(optimizer.optimizer, T_max=stage.epochs)
        self.losses = EpochLosses(stage, accelerator.device)
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

    def next_epoch(self) -> None:
        """Goes to the start of the next epoch and its learning rates."""
        with warnings.catch_warnings():
            # Taken up after the last iteration of its first epoch, a stage has made no step that torch knows of.
            warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler\.step")
            self.schedule.step()
        self.epoch, self.step, self.trained = self.epoch + 1, 0, False
        self.waiting = Waiting()
        self.losses.start_epoch(self.epoch)
        self._before, self._start = 0.0, time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """Returns what all processes share, as tensors and plain values."""
        return {
            **{name: getattr(self, name) for name in ("epoch", "step", "trained", "seconds")},
            "waiting": self.waiting.seconds,
            "optimizer": self.optimizer.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "stage": self.stage.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to where `state` was taken."""
        self.epoch, self.step, self.trained = state["epoch"], state["step"], state["trained"]
        self._before, self._start = state["seconds"], time.perf_counter()
        self.waiting = Waiting(state["waiting"])
        self.losses.start_epoch(self.epoch, self.step)
        self.optimizer.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])
        self.stage.load_state_dict(state["stage"])
