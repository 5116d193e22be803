"""Fine-tuning with the mask fixed; every method ends with it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ...models import VPNsForImageClassification
from ...reporting import ViewAccuracy
from ...training import Run, SGDSpec, TrainingStage
from ..options import FineTuneOptions


class FineTuneStage(TrainingStage):
    """Trains all weights, biases and normalisation together with the visual prompt; the mask stays."""

    name = "finetune"

    @classmethod
    def of(cls, options: FineTuneOptions) -> FineTuneStage:
        """Returns the stage that every method ends with, so that all are compared at equal passes over the data."""
        rates = options.learning_rate, options.prompt_finetune_learning_rate
        return cls(options.finetune_epochs, SGDSpec(*rates, options.momentum, options.weight_decay))

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return model.backbone.parameters()

    def after_epoch(self, run: Run, epoch: int, validation: ViewAccuracy | None) -> None:
        run.selection.consider(run.model, epoch, validation)

    def finish(self, run: Run) -> None:
        run.selection.restore(run.model)
