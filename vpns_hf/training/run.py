"""What the stages of a method share while one model is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accelerate import Accelerator

from vpns_hf.data import EvalBatches, TrainBatches
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.reporting import EpochRecord

from .selection import EpochSelection

if TYPE_CHECKING:
    from .callbacks import Callback


@dataclass(frozen=True)
class RunData:
    """The images of a run, as this process's batches on its device.

    Attributes:
        prompted: training images under the evaluation transform, for the prompted update.
        plain: the same images in another order under the training transform, for the plain update.
        mapping: training images in order under the evaluation transform, to count predictions.
        validation: what selects epoch and view; None when nothing is selected.
    """

    prompted: TrainBatches
    plain: TrainBatches
    mapping: EvalBatches
    validation: EvalBatches | None = None


@dataclass
class Run:
    """One model in the making; stages change it, callbacks watch it.

    Attributes:
        model: the model, not wrapped.
        accelerator: processes, device and precision.
        data: the images.
        sparsity: the fraction of prunable weights to remove, in [0, 1).
        selection: which epoch's weights are kept.
        callbacks: told of every event.
        history: one record per epoch so far.
        seconds: wall-clock time of each stage so far.
        name: what is being made, in words.
    """

    model: VPNsForImageClassification
    accelerator: Accelerator
    data: RunData
    sparsity: float
    selection: EpochSelection
    callbacks: Sequence[Callback] = ()
    history: list[EpochRecord] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    name: str = ""

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the wall-clock time of the block to `seconds[name]`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
