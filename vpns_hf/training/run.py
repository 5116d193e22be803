"""What the stages of a method share while one model is made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from accelerate import Accelerator

from vpns_hf.data import Batch, EvalBatches, TrainBatches
from vpns_hf.data.early_batches import EarlyEvalBatches, EarlyTrainBatches
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.reporting import EpochRecord

from .preparations import Preparation
from .process_state import load_process_state
from .selection import EpochSelection
from .updating import Stepping

if TYPE_CHECKING:
    from .callbacks import Callback
    from .progress import StageProgress
    from .stages import Stage


@dataclass(frozen=True)
class RunData:
    """The images of a run, as this process's batches on its device.

    Attributes:
        prompted: training images under the evaluation transform, for the prompted update.
        plain: the same images in another order under the training transform, for the plain update.
        mapping: training images in order under the evaluation transform, to count predictions.
        validation: what selects epoch and view; None when nothing is selected.
    """

    prompted: TrainBatches | EarlyTrainBatches
    plain: TrainBatches | EarlyTrainBatches
    mapping: EvalBatches | EarlyEvalBatches
    validation: EvalBatches | EarlyEvalBatches | None = None


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
        finished: how many of its stages are over.
        progress: where the training stage in progress stands; None outside of one.
        stepping: how optimisation steps are taken.
        preparations: how the network computes in training stages.
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
    finished: int = 0
    progress: StageProgress | None = None
    stepping: Stepping = field(default_factory=Stepping)
    preparations: Sequence[Preparation] = ()

    def __post_init__(self) -> None:
        self._started: dict[str, float] = {}
        self._resumed: tuple[Mapping[str, Any] | None, Sequence[Mapping[str, Any]]] | None = None

    def execute(self, stages: Sequence[Stage]) -> None:
        """Runs the stages that are not finished yet."""
        if self._resumed is not None and self._resumed[0] is None:
            self._take_up(None)
        for stage in stages[self.finished :]:
            stage.run(self)
            self.finished += 1
            self.tell("on_stage_finished", stage)

    def begin(self, progress: StageProgress) -> None:
        """Enters a training stage, at the place where an earlier process left it if there was one."""
        self.progress = progress
        if self._resumed is not None:
            self._take_up(progress)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the wall-clock time of the block to `seconds[name]`."""
        self._started[name] = time.perf_counter()
        yield
        self.seconds = self._seconds_so_far()
        del self._started[name]

    def tell(self, event: str, *details: object) -> None:
        """Tells every callback of an event."""
        for callback in self.callbacks:
            getattr(callback, event)(self, *details)

    def watched(self, batches: Iterable[Batch]) -> WatchedBatches:
        """Returns batches to evaluate on; callbacks are told of each."""
        return WatchedBatches(self, batches)

    def state_dict(self) -> dict[str, Any]:
        """Returns what all processes share, as tensors and plain values."""
        return {
            "name": self.name,
            "finished": self.finished,
            "model": {key: value for key, value in self.model.state_dict().items() if not key.endswith(".scores")},
            "selection": self.selection.state_dict(),
            "history": [asdict(record) for record in self.history],
            "seconds": self._seconds_so_far(),
            "progress": None if self.progress is None else self.progress.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any], process_states: Sequence[Mapping[str, Any]]) -> None:
        """Goes to where `state` was taken; what concerns the stage in progress follows when that stage is entered.

        Args:
            state: what `state_dict` returned.
            process_states: what `process_states` returned then.
        """
        self.finished, self.seconds = state["finished"], dict(state["seconds"])
        self.model.load_state_dict(state["model"])
        self.selection.load_state_dict(state["selection"])
        self.history[:] = [EpochRecord.from_dict(record) for record in state["history"]]
        self._resumed = state["progress"], process_states

    def _take_up(self, progress: StageProgress | None) -> None:
        (state, process_states), self._resumed = self._resumed, None
        if progress is not None:
            progress.load_state_dict(state)
        load_process_state(self, process_states)

    def _seconds_so_far(self) -> dict[str, float]:
        now = time.perf_counter()
        running = {name: self.seconds.get(name, 0.0) + now - start for name, start in self._started.items()}
        return {**self.seconds, **running}


@dataclass(frozen=True)
class WatchedBatches:
    """Batches to evaluate on that tell the callbacks of a run after each."""

    run: Run
    batches: Iterable[Batch]

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            yield batch
            self.run.tell("on_evaluation_batch")
