"""The one training loop. It knows nothing of masks or methods: stages own what happens, callbacks watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vpns_hf.reporting import EpochRecord, ViewAccuracy

from .evaluation import evaluate_views
from .processes import unprepare
from .progress import StageProgress
from .run import Run
from .statistics import synchronise_statistics
from .updating import Updater

if TYPE_CHECKING:
    from .stages import TrainingStage


def train(run: Run, stage: TrainingStage) -> None:
    """Runs `stage` on the model of `run`: prepared anew, cosine annealing per epoch, evaluated after every epoch.

    The model is prepared for each stage because a distributed wrapper never synchronises a parameter that was frozen
    when it was wrapped.
    """
    for preparation in run.preparations:
        preparation.apply(run.model)
    stage.begin(run)
    optimizer = stage.build_optimizer(run.model)
    model, optimizer = run.accelerator.prepare(run.model, optimizer)
    run.begin(StageProgress(stage, optimizer, run.accelerator))
    run.tell("on_stage_begin", stage)
    while run.progress.epoch <= stage.epochs:
        _epoch(run, stage, model)
    run.tell("on_stage_end", stage)
    run.progress = None
    run.model = unprepare(run.accelerator, model)
    stage.finish(run)
    for preparation in reversed(run.preparations):
        preparation.undo(run.model)


def _epoch(run: Run, stage: TrainingStage, model: nn.Module) -> None:
    """Trains what is left of the epoch in progress, and evaluates it."""
    progress = run.progress
    epoch, learning_rate = progress.epoch, progress.schedule.get_last_lr()[0]
    if not progress.trained:
        if progress.step == 0:
            stage.before_epoch(run, epoch)
        train_epoch(run, stage, model)
        _begin_next(run, stage)
        synchronise_statistics(run.model, run.accelerator)
        progress.trained = True
    losses, skipped = progress.losses.means(run), progress.losses.skipped(run)
    validation = _validate(run)
    stage.after_epoch(run, epoch, validation)
    figures = (losses, run.model.sparsity, learning_rate, progress.seconds, validation)
    record = EpochRecord(stage.name, epoch, *figures, waiting=progress.waiting.seconds, skipped=skipped)
    progress.next_epoch()
    run.history.append(record)
    run.tell("on_epoch_end", record)


def train_epoch(run: Run, stage: TrainingStage, model: nn.Module) -> None:
    """Goes through what is left of the epoch in progress with every update of the stage, in turn.

    Args:
        model: the prepared model.
    """
    model.train()
    progress, updater = run.progress, Updater(run, model)
    streams = [update.stream(run.data).epoch(progress.epoch, progress.step) for update in stage.updates]
    for batches in progress.waiting.over(zip(*streams, strict=True)):
        for update, batch in zip(stage.updates, batches, strict=True):
            loss = updater.update(batch, update.prompted)
            progress.losses.add(run, update, loss)
            with progress.losses.explaining(run):
                stage.after_update(run)
            run.tell("on_update", stage, update, loss)
        progress.step += 1
        run.tell("on_step_end", stage)


def _begin_next(run: Run, stage: TrainingStage) -> None:
    """Has the first batches of the next epoch prepared while this one is evaluated, where they take their time."""
    if run.progress.epoch < stage.epochs:
        for update in stage.updates:
            update.stream(run.data).begin(run.progress.epoch + 1)


def _validate(run: Run) -> ViewAccuracy | None:
    if run.data.validation is None:
        return None
    batches = run.watched(run.progress.waiting.over(run.data.validation))
    return evaluate_views(run.model, batches, run.accelerator).accuracy
