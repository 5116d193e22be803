"""Runs over batches given by hand, for tests of stages and the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from accelerate import Accelerator
from torch import Tensor

from vpns_hf.data import Batch
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.training.callbacks import Callback
from vpns_hf.training.run import Run, RunData
from vpns_hf.training.selection import LastEpoch


class GivenBatches(list):
    """A list of batches that stands for a stream: every epoch gives the same ones."""

    def epoch(self, epoch: int) -> Iterator[Batch]:
        return iter(self)


@dataclass
class Recorder(Callback):
    """Keeps every loss, and the threshold before the first update and after each."""

    losses: list[float] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)

    def on_stage_begin(self, run: Run, stage) -> None:
        self._threshold(stage)

    def on_update(self, run: Run, stage, update, loss: Tensor) -> None:
        self.losses.append(loss.item())
        self._threshold(stage)

    def _threshold(self, stage) -> None:
        if hasattr(stage, "mask"):
            self.thresholds.append(float(stage.mask.threshold))


def make_run(
    model: VPNsForImageClassification,
    prompted: Sequence[Batch],
    plain: Sequence[Batch],
    sparsity: float,
    mapping: Sequence[Batch] | None = None,
    recorder: Callback | None = None,
) -> Run:
    """A run without a validation split that keeps the last epoch."""
    data = RunData(GivenBatches(prompted), GivenBatches(plain), GivenBatches(plain if mapping is None else mapping))
    callbacks = [] if recorder is None else [recorder]
    return Run(model, Accelerator(cpu=True), data, sparsity, LastEpoch(), callbacks)
