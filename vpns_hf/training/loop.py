"""The one loop: it runs stages, and knows nothing of masks or methods; stages own what happens, callbacks watch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from ..reporting import EpochRecord, ViewAccuracy
from .batch_norm import synchronise_statistics
from .distributed import unprepare
from .evaluation import evaluate_views
from .losses import EpochLosses, LossSource
from .progress import StageProgress
from .run import ModelStage, Run, Stage, TrainingStage
from .updating import Updater


def run_stages(run: Run, stages: Sequence[Stage]) -> None:
    """Runs the stages on the model of `run` that are not finished yet."""
    run.begin()
    for stage in stages[run.finished :]:
        if isinstance(stage, ModelStage):
            run.tell("on_model_stage_begin", stage)
            with run.timed(stage.name):
                stage.apply(run)
        else:
            train(run, stage)
        run.leave(stage)


def train(run: Run, stage: TrainingStage) -> None:
    """Trains the model of `run`: prepared anew, cosine annealing per epoch, evaluated after every epoch.

    The model is prepared for each stage because a distributed wrapper never synchronises a parameter that was frozen
    when it was wrapped.
    """
    with run.timed(stage.name):
        model = enter(run, stage)
        while run.progress.epoch <= stage.epochs:
            _epoch(run, stage, model)
        run.tell("on_stage_end", stage)
        run.stage = run.progress = None
        run.model = unprepare(run.accelerator, model)
        stage.finish(run)
        for preparation in reversed(run.preparations):
            preparation.undo(run.model)


def enter(run: Run, stage: TrainingStage) -> nn.Module:
    """Begins a stage, or goes on where an earlier process left it; returns the prepared model."""
    for preparation in run.preparations:
        preparation.apply(run.model)
    stage.begin(run)
    optimizers = stage.build_optimizers(run.model)
    model, *prepared = run.accelerator.prepare(run.model, *optimizers.values())
    losses = EpochLosses(_source(run, stage), run.accelerator, run.stepping.non_finite.stops)
    progress = StageProgress(
        dict(zip(optimizers, prepared, strict=True)), stage.build_schedule, losses, run.accelerator.scaler
    )
    stage.start(run, progress)
    run.enter(stage, progress)
    run.tell("on_stage_begin", stage)
    return model


def _source(run: Run, stage: TrainingStage) -> LossSource:
    views = [update.view for update in stage.updates]
    return LossSource(stage.name, views, [update.stream(run.data) for update in stage.updates])


def _epoch(run: Run, stage: TrainingStage, model: nn.Module) -> None:
    """Trains what is left of the epoch in progress, and evaluates it."""
    progress = run.progress
    epoch, learning_rate = progress.epoch, progress.learning_rate
    if not progress.trained:
        if progress.step == 0:
            stage.before_epoch(run, epoch)
        train_epoch(run, stage, model)
        _begin_next(run, stage)
        synchronise_statistics(run.model, run.accelerator)
        progress.trained = True
    losses, skipped = progress.losses.means(), progress.losses.skipped()
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
    progress = run.progress
    updater = Updater(run.accelerator, run.stepping, model, progress.optimizers, stage.objective(run))
    streams = [update.stream(run.data).epoch(progress.epoch, progress.step) for update in stage.updates]
    for batches in progress.waiting.over(zip(*streams, strict=True)):
        for update, batch in zip(stage.updates, batches, strict=True):
            after_backward = partial(stage.after_backward, run, update)
            loss = updater.update(batch, update.prompted, update.trains, after_backward)
            progress.losses.add(update.view, loss)
            with progress.losses.explaining():
                stage.after_update(run)
            run.tell("on_update", stage, update, loss)
        progress.step += 1
        stage.after_step(run)
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
