"""Fine-tuning with the mask fixed; every method ends with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ...errors import InputError
from ...models import VPNsForImageClassification
from ...reporting import ViewAccuracy
from ...training import (
    BestOnValidation,
    Distillation,
    EpochSelection,
    LastEpoch,
    Objective,
    OptimizerSpec,
    Run,
    SelectedEpoch,
    SGDSpec,
    Stage,
    TrainingStage,
)
from ..options import FineTuneOptions
from .measure import MEASURED


@dataclass(frozen=True)
class Lesson:
    """What fine-tuning learns from a teacher.

    Attributes:
        alpha: its share of the loss, above 0 and at most 1.
        temperature: that softens the classes, above 0.
    """

    alpha: float
    temperature: float


class FineTuneStage(TrainingStage):
    """Trains all weights, biases and normalisation together with the visual prompt; the mask stays.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: as in `TrainingStage`.
        selection: which of its epochs the model goes on from; the last if not given.
        lesson: what it learns from the teacher of the run; nothing if not given.
    """

    name = "finetune"
    counts_as = "tuning"

    def __init__(
        self,
        epochs: int,
        optimizer: OptimizerSpec,
        selection: EpochSelection | None = None,
        lesson: Lesson | None = None,
    ) -> None:
        super().__init__(epochs, optimizer)
        self.selection, self.lesson = selection or LastEpoch(), lesson

    @classmethod
    def of(cls, options: FineTuneOptions, before: Sequence[Stage] = (), **own: Any) -> FineTuneStage:
        """Returns the stage that every method ends with.

        Args:
            options: where they ask for equal passes, it takes those that the stages before it leave.
            before: those stages.
            own: what a class derived from this one is told beside.

        Raises:
            InputError: if they leave less than half an epoch.
        """
        epochs = _epochs(options, sum(stage.passes for stage in before))
        return cls(epochs, tuning_optimizer(options), _selection(options), _lesson(options), **own)

    @classmethod
    def to_match(cls, options: FineTuneOptions, passes: float) -> FineTuneStage:
        """Returns the stage with at least that many passes over the training images, whatever epochs are asked for."""
        epochs = math.ceil(passes / len(cls.updates) - 1e-9)
        return cls(epochs, tuning_optimizer(options), _selection(options))

    @property
    def taught_passes(self) -> float:
        """How often a teacher goes through the training images, forward alone."""
        return 0.0 if self.lesson is None else self.passes

    def objective(self, run: Run) -> Objective:
        if self.lesson is None:
            return super().objective(run)
        lesson, autocast = self.lesson, run.accelerator.autocast
        return Distillation(run.teacher, lesson.alpha, lesson.temperature, autocast, untaught=run.classification)

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return model.backbone.parameters()

    def after_epoch(self, run: Run, epoch: int, validation: ViewAccuracy | None) -> None:
        self.selection.consider(run.model, epoch, validation)

    def finish(self, run: Run) -> None:
        self.selection.restore(run.model)
        run.selected = self.selection.selected
        if not self.epochs and MEASURED in run.kept:  # the mask was measured, and nothing has changed since
            *_, measured = run.kept[MEASURED].values()
            run.selected = SelectedEpoch(validation=ViewAccuracy(**measured))

    def state_dict(self) -> dict[str, Any]:
        return {"selection": self.selection.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.selection.load_state_dict(state["selection"])


def tuning_optimizer(options: FineTuneOptions) -> SGDSpec:
    """Returns the optimiser of fine-tuning, and of the rounds of iterative methods."""
    rates = options.learning_rate, options.prompt_finetune_learning_rate
    return SGDSpec(*rates, options.momentum, options.weight_decay)


def _lesson(options: FineTuneOptions) -> Lesson | None:
    return Lesson(options.distill_alpha, options.distill_temperature) if options.distill_alpha else None


def _selection(options: FineTuneOptions) -> EpochSelection:
    return LastEpoch() if options.paper_protocol else BestOnValidation()


def _epochs(options: FineTuneOptions, spent: float) -> int:
    total = options.total_passes
    if total is None:
        return options.finetune_epochs
    views = len(FineTuneStage.updates)
    epochs = math.ceil((total - spent) / views - 0.5 - 1e-9)  # the nearest, of two the lower
    if epochs < 1:
        raise InputError(
            f"equal_passes is {options.asked_passes}, but {spent:g} passes are spent before tuning, which takes {views} more; "
            f"give at least {math.floor(spent) + views}"
        )
    return epochs
