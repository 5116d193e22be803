"""The stages methods are made of. A stage owns what is trainable and what happens after an update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from vpns_hf.data import TrainBatches
from vpns_hf.data.early_batches import EarlyTrainBatches
from vpns_hf.label_mapping import LabelMapping
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.criteria import Criterion
from vpns_hf.pruning.learned_mask import LearnedMask
from vpns_hf.reporting import ViewAccuracy

from .evaluation import predictions
from .loop import train
from .optimizers import OptimizerSpec
from .run import Run, RunData


@dataclass(frozen=True)
class Update:
    """One optimisation step of an iteration.

    Attributes:
        view: name of the images the loss is computed on, `prompted` or `plain`.
        prompted: whether the visual prompt is applied.
        stream: takes the batches out of the data of a run.
    """

    view: str
    prompted: bool
    stream: Callable[[RunData], TrainBatches | EarlyTrainBatches]


PROMPTED = Update("prompted", prompted=True, stream=lambda data: data.prompted)
PLAIN = Update("plain", prompted=False, stream=lambda data: data.plain)


class Stage(ABC):
    """One step of a method."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, run: Run) -> None:
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

    def run(self, run: Run) -> None:
        with run.timed(self.name):
            train(run, self)

    @abstractmethod
    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        """The parameters to train, the visual prompt's aside."""

    def build_optimizer(self, model: VPNsForImageClassification) -> Optimizer:
        """Freezes everything that is not trained here and returns the optimiser of the rest."""
        trained, prompt = list(self.parameters(model)), list(model.visual_prompt.parameters())
        model.requires_grad_(False)
        for parameter in [*trained, *prompt]:
            parameter.requires_grad_(True)
        return self.optimizer.build(trained, prompt)

    def begin(self, run: Run) -> None:
        """Before the model is prepared."""

    def before_epoch(self, run: Run, epoch: int) -> None:
        """Before epoch `epoch`, counted from 1."""

    def after_update(self, run: Run) -> None:
        """After each optimisation step."""

    def after_epoch(self, run: Run, epoch: int, validation: ViewAccuracy | None) -> None:
        """After epoch `epoch` and its evaluation."""

    def finish(self, run: Run) -> None:
        """After the last epoch."""

    def state_dict(self) -> dict[str, Any]:
        """Returns what a stage in progress needs beside model and optimiser to go on, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to where `state` was taken; called between `begin` and the first epoch, with the model at that place."""


class FitLabelMapping(Stage):
    """Masks the network by the initial scores and fits the label mapping with the initial prompt.

    Source: VPNs, arXiv 2312.01397; the map is fitted on the network the mask search starts from.
    """

    name = "label_mapping"

    def __init__(self, label_mapping: LabelMapping, criterion: Criterion) -> None:
        self.label_mapping = label_mapping
        self.criterion = criterion

    def run(self, run: Run) -> None:
        with run.timed(self.name):
            mask = LearnedMask(run.model.masked_layers(), run.sparsity, self.criterion)
            mask.update()
            fit_label_mapping(run, self.label_mapping)
            mask.finish()


class FindMaskStage(TrainingStage):
    """Learns the scores, hence the mask, together with the visual prompt; weights stay, running statistics move.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: as in `TrainingStage`.
        criterion: gives the initial scores.
        label_mapping: fitted again every `mapping_interval` epochs if it repeats; None leaves the map as it is.
        mapping_interval: in epochs.
    """

    name = "find_mask"

    def __init__(
        self,
        epochs: int,
        optimizer: OptimizerSpec,
        criterion: Criterion,
        label_mapping: LabelMapping | None = None,
        mapping_interval: int = 1,
    ) -> None:
        super().__init__(epochs, optimizer)
        self.criterion = criterion
        self.label_mapping = label_mapping
        self.mapping_interval = mapping_interval

    def begin(self, run: Run) -> None:
        self.mask = LearnedMask(run.model.masked_layers(), run.sparsity, self.criterion)
        self.mask.update()

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return self.mask.scores

    def before_epoch(self, run: Run, epoch: int) -> None:
        due = epoch > 1 and (epoch - 1) % self.mapping_interval == 0
        if due and self.label_mapping is not None and self.label_mapping.repeats:
            fit_label_mapping(run, self.label_mapping)

    def after_update(self, run: Run) -> None:
        self.mask.update()

    def finish(self, run: Run) -> None:
        self.mask.finish()

    def state_dict(self) -> dict[str, Any]:
        return {"scores": [scores.detach() for scores in self.mask.scores]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for scores, saved in zip(self.mask.scores, state["scores"], strict=True):
                scores.copy_(saved)
        self.mask.update()  # threshold, masks and masked weights follow from the scores alone


class FineTuneStage(TrainingStage):
    """Trains all weights, biases and normalisation together with the visual prompt; the mask stays."""

    name = "finetune"

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return model.backbone.parameters()

    def after_epoch(self, run: Run, epoch: int, validation: ViewAccuracy | None) -> None:
        run.selection.consider(run.model, epoch, validation)

    def finish(self, run: Run) -> None:
        run.selection.restore(run.model)


class PretrainStage(TrainingStage):
    """Trains the dense backbone alone, on plain pictures."""

    name = "pretrain"
    updates = (PLAIN,)

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return model.backbone.parameters()


def fit_label_mapping(run: Run, label_mapping: LabelMapping) -> None:
    """Sets the label mapping of the model, fitted on the prompted training images in evaluation mode."""
    num_source, num_target = run.model.backbone.config.num_labels, run.model.config.num_labels
    fitted = label_mapping.fit(lambda: count_predictions(run), num_source, num_target)
    run.model.label_mapping.copy_(fitted)


def count_predictions(run: Run) -> Tensor:
    """Counts, over all processes, how often images of each target class are taken for each source class.

    Returns:
        (S, T) int64.
    """
    num_source, num_target = run.model.backbone.config.num_labels, run.model.config.num_labels
    counts = torch.zeros(num_source * num_target, dtype=torch.int64, device=run.accelerator.device)
    for batch, logits in predictions(
        run.model, run.watched(run.data.mapping), run.accelerator, prompted=True, source=True
    ):
        cells = logits.argmax(1) * num_target + batch.labels
        cells = cells if batch.valid is None else cells[batch.valid]
        counts += torch.bincount(cells, minlength=num_source * num_target)
    return run.accelerator.reduce(counts, "sum").view(num_source, num_target)
