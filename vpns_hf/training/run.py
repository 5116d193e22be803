"""The nouns of the engine: a run is one model in the making, stages change it, callbacks watch it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from ..data import Batch, EvalBatches, TrainBatches
from ..data.batches import EarlyEvalBatches, EarlyTrainBatches
from ..models import VPNsForImageClassification
from ..pruning import Pruner
from ..reporting import EpochRecord, ViewAccuracy
from .distributed import load_process_state
from .objectives import CrossEntropy, Objective
from .optimizers import OptimizerSpec
from .preparations import Preparation
from .progress import StageProgress
from .selection import SelectedEpoch
from .updating import Stepping


@dataclass(frozen=True)
class RunData:
    """The images of a run, as this process's batches on its device.

    Attributes:
        prompted: training images under the evaluation transform, for the prompted update.
        plain: the same images in another order under the training transform, for the plain update.
        mapping: training images in order under the evaluation transform, to count predictions.
        validation: what selects epoch and view; None when nothing is selected.
        balanced: so many images of each class from training, under the evaluation transform, for criteria that read data.
    """

    prompted: TrainBatches | EarlyTrainBatches
    plain: TrainBatches | EarlyTrainBatches
    mapping: EvalBatches | EarlyEvalBatches
    validation: EvalBatches | EarlyEvalBatches | None = None
    balanced: Callable[[int], EvalBatches | EarlyEvalBatches] | None = None


@dataclass
class Run:
    """One model in the making; stages change it, callbacks watch it.

    Attributes:
        model: the model, not wrapped.
        accelerator: processes, device and precision.
        data: the images.
        callbacks: told of every event.
        history: one record per epoch so far.
        seconds: wall-clock time of each stage so far.
        name: what is being made, in words.
        finished: how many of its stages are over.
        stage: the training stage in progress; None outside of one.
        progress: where it stands; None outside of one.
        stepping: how optimisation steps are taken.
        preparations: how the network computes in training stages.
        selected: which epoch of the last stage that selects one is kept; None before.
        kept: what a stage leaves for later ones, by name, as tensors and plain values.
        classification: what the updates make small that learn to classify, those of the search included.
        teacher: a network of the same classes that stages may learn from, in evaluation mode; None without.
    """

    model: VPNsForImageClassification
    accelerator: Accelerator
    data: RunData
    callbacks: Sequence[Callback] = ()
    history: list[EpochRecord] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    name: str = ""
    finished: int = 0
    stage: TrainingStage | None = None
    progress: StageProgress | None = None
    stepping: Stepping = field(default_factory=Stepping)
    preparations: Sequence[Preparation] = ()
    selected: SelectedEpoch | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    classification: Objective = field(default_factory=CrossEntropy)
    teacher: VPNsForImageClassification | None = None

    def __post_init__(self) -> None:
        self._started: dict[str, float] = {}
        self._resumed: tuple[Mapping[str, Any] | None, Sequence[Mapping[str, Any]]] | None = None

    def begin(self) -> None:
        """Goes on from where an earlier process left the run, if that was between two stages."""
        if self._resumed is not None and self._resumed[0] is None:
            self._restore()

    def enter(self, stage: TrainingStage, progress: StageProgress) -> None:
        """Enters a training stage, at the place where an earlier process left it if there was one."""
        self.stage, self.progress = stage, progress
        if self._resumed is not None:
            self._restore()

    def leave(self, stage: Stage) -> None:
        """Leaves a stage that is over."""
        self.finished += 1
        self.tell("on_stage_finished", stage)

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
            "selected": None if self.selected is None else asdict(self.selected),
            "kept": self.kept,
            "history": [asdict(record) for record in self.history],
            "seconds": self._seconds_so_far(),
            "progress": None if self.progress is None else self._stage_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any], process_states: Sequence[Mapping[str, Any]]) -> None:
        """Goes to where `state` was taken; what concerns the stage in progress follows when that stage is entered.

        Args:
            state: what `state_dict` returned.
            process_states: what `process_states` returned then.
        """
        self.finished, self.seconds = state["finished"], dict(state["seconds"])
        self.model.load_state_dict(state["model"])
        self.selected = None if state["selected"] is None else SelectedEpoch.from_dict(state["selected"])
        self.kept = dict(state["kept"])
        self.history[:] = [EpochRecord.from_dict(record) for record in state["history"]]
        self._resumed = state["progress"], process_states

    def _stage_state(self) -> dict[str, Any]:
        return {**self.progress.state_dict(), "stage": self.stage.state_dict()}

    def _restore(self) -> None:
        (state, process_states), self._resumed = self._resumed, None
        if self.progress is not None:
            self.progress.load_state_dict(state)
            self.stage.load_state_dict(state["stage"])
        load_process_state(self.model, self.progress, self.accelerator, process_states)

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


MAIN = "main"


@dataclass(frozen=True)
class Update:
    """One optimisation step of an iteration.

    Attributes:
        view: name of the images the loss is computed on, `prompted` or `plain`.
        prompted: whether the visual prompt is applied.
        stream: takes the batches out of the data of a run.
        trains: names of the stage's optimisers that take a step.
    """

    view: str
    prompted: bool
    stream: Callable[[RunData], TrainBatches | EarlyTrainBatches]
    trains: tuple[str, ...] = (MAIN,)


PROMPTED = Update("prompted", prompted=True, stream=lambda data: data.prompted)
PLAIN = Update("plain", prompted=False, stream=lambda data: data.plain)


class Stage(ABC):
    """One step of a method; the loop runs it."""

    name: ClassVar[str]
    counts_as: ClassVar[str] = "search"  # where its passes are counted: search, rounds or tuning
    pruner: Pruner | None = None  # which units it removes, if any

    @property
    def mapping_fits(self) -> int:
        """How often it fits the label mapping."""
        return 0

    @property
    def passes(self) -> float:
        """How often it goes through the training images forward and backward."""
        return 0

    def check(self, model: VPNsForImageClassification) -> None:  # noqa: B027 (most have nothing to look at)
        """Looks, before anything is trained, whether it can do its work on that model.

        Raises:
            InputError: if it cannot.
        """


class ModelStage(Stage):
    """A stage that changes the model without training it."""

    @property
    def rounds(self) -> int:
        """In how many rounds it does so; callbacks are told of each where there are several."""
        return 1

    @abstractmethod
    def apply(self, run: Run) -> None:
        """Changes the model of `run`."""


class TrainingStage(Stage):
    """A stage that trains: it says what is trainable, with which updates, and what follows each.

    Args:
        epochs: passes over the training images per update; 0 leaves the parameters as they are.
        optimizer: builds the optimiser.
    """

    updates: ClassVar[tuple[Update, ...]] = (PROMPTED, PLAIN)

    def __init__(self, epochs: int, optimizer: OptimizerSpec) -> None:
        self.epochs = epochs
        self.optimizer = optimizer

    @abstractmethod
    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        """The parameters to train, the visual prompt's aside."""

    @property
    def passes(self) -> float:
        return self.epochs * len(self.updates)

    def build_optimizers(self, model: VPNsForImageClassification) -> dict[str, Optimizer]:
        """Freezes everything that is not trained here and returns the optimisers of the rest by name."""
        trained, prompt = list(self.parameters(model)), list(model.visual_prompt.parameters())
        model.requires_grad_(False)
        for parameter in [*trained, *prompt]:
            parameter.requires_grad_(True)
        return {MAIN: self.optimizer.build(trained, prompt)}

    def build_schedule(self, name: str, optimizer: Optimizer) -> LRScheduler:
        """Returns the schedule of the optimiser of that name, stepped once per epoch: cosine annealing to 0."""
        return CosineAnnealingLR(optimizer, T_max=self.epochs)

    def objective(self, run: Run) -> Objective:
        """Returns what its updates make small: the loss of the run."""
        return run.classification

    def begin(self, run: Run) -> None:
        """Before the model is prepared."""

    def start(self, run: Run, progress: StageProgress) -> None:
        """Before the first epoch; brings `progress` to another place if the stage does not begin there."""

    def before_epoch(self, run: Run, epoch: int) -> None:
        """Before epoch `epoch`, counted from 1."""

    def after_backward(self, run: Run, update: Update) -> None:
        """With the gradients of an update in place, those of all processes and scaled as the precision asks for."""

    def after_update(self, run: Run) -> None:
        """After each optimisation step."""

    def after_step(self, run: Run) -> None:
        """After each iteration with all its updates."""

    def after_epoch(self, run: Run, epoch: int, validation: ViewAccuracy | None) -> None:
        """After epoch `epoch` and its evaluation."""

    def finish(self, run: Run) -> None:
        """After the last epoch."""

    def state_dict(self) -> dict[str, Any]:
        """Returns what a stage in progress needs beside model and optimiser to go on, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to where `state` was taken; called between `begin` and the first epoch, with the model at that place."""


class Callback:
    """Told of every event of a run; the base does nothing."""

    def on_model_stage_begin(self, run: Run, stage: ModelStage) -> None:
        """A stage that does not train is about to begin."""

    def on_round_end(self, run: Run, stage: ModelStage) -> None:
        """One of several rounds of a stage that does not train is over."""

    def on_stage_begin(self, run: Run, stage: TrainingStage) -> None:
        """A training stage is about to begin."""

    def on_update(self, run: Run, stage: TrainingStage, update: Update, loss: Tensor) -> None:
        """An optimisation step was taken; `loss` is on the device, reading it waits for the device."""

    def on_step_end(self, run: Run, stage: TrainingStage) -> None:
        """An iteration with all updates of the stage was taken."""

    def on_evaluation_batch(self, run: Run) -> None:
        """A batch was classified, to measure the model, fit the label mapping or estimate running statistics."""

    def on_epoch_end(self, run: Run, record: EpochRecord) -> None:
        """An epoch was trained and evaluated."""

    def on_stage_end(self, run: Run, stage: TrainingStage) -> None:
        """The last epoch of a training stage is over."""

    def on_stage_finished(self, run: Run, stage: Stage) -> None:
        """A stage of any kind is over, and the model as it leaves it."""

    def on_interrupt(self, run: Run) -> None:
        """The process is asked to stop and is about to."""

    def state_dict(self) -> dict[str, Any]:
        """Returns what must survive an interruption, as tensors and plain values; callbacks of one class share it."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` returned."""
