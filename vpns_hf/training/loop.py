"""The one training loop. It knows nothing of masks or methods: stages own what happens, callbacks watch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from accelerate import Accelerator
from torch import nn

from vpns_hf.errors import InputError
from vpns_hf.reporting import EpochRecord, ViewAccuracy, ViewLoss

from .evaluation import evaluate_views
from .progress import StageProgress
from .run import Run

if TYPE_CHECKING:
    from .stages import TrainingStage


def train(run: Run, stage: TrainingStage) -> None:
    """Runs `stage` on the model of `run`: prepared anew, cosine annealing per epoch, evaluated after every epoch.

    The model is prepared for each stage because a distributed wrapper never synchronises a parameter that was frozen
    when it was wrapped.
    """
    stage.begin(run)
    optimizer = stage.build_optimizer(run.model)
    model, optimizer = run.accelerator.prepare(run.model, optimizer)
    run.begin(StageProgress(stage, optimizer, run.accelerator))
    run.tell("on_stage_begin", stage)
    while run.progress.epoch <= stage.epochs:
        _epoch(run, stage, model)
    run.tell("on_stage_end", stage)
    run.progress = None
    run.model = run.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    run.accelerator.free_memory()
    stage.finish(run)


def _epoch(run: Run, stage: TrainingStage, model: nn.Module) -> None:
    """Trains what is left of the epoch in progress, and evaluates it."""
    progress = run.progress
    epoch, learning_rate = progress.epoch, progress.schedule.get_last_lr()[0]
    if not progress.trained:
        if progress.step == 0:
            stage.before_epoch(run, epoch)
        train_epoch(run, stage, model)
        synchronise_statistics(run.model, run.accelerator)
        progress.trained = True
    losses = _mean_losses(run, stage)
    validation = _validate(run)
    stage.after_epoch(run, epoch, validation)
    seconds, waiting = progress.seconds, progress.waiting.seconds
    record = EpochRecord(stage.name, epoch, losses, run.model.sparsity, learning_rate, seconds, validation, waiting)
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
    streams = [update.stream(run.data).epoch(progress.epoch, progress.step) for update in stage.updates]
    for batches in progress.waiting.over(zip(*streams, strict=True)):
        for update, batch in zip(stage.updates, batches, strict=True):
            loss = model(batch.pixel_values, labels=batch.labels, prompted=update.prompted).loss
            run.accelerator.backward(loss)
            progress.optimizer.step()
            progress.optimizer.zero_grad()
            stage.after_update(run)
            progress.sums[update.view] += loss.detach()
            run.tell("on_update", stage, update, loss.detach())
        progress.step += 1
        run.tell("on_step_end", stage)


def synchronise_statistics(model: nn.Module, accelerator: Accelerator) -> None:
    """Averages the floating-point buffers (running statistics) over the processes, each of which saw its own images."""
    if accelerator.num_processes == 1:
        return
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.copy_(accelerator.reduce(buffer, reduction="mean"))


def _mean_losses(run: Run, stage: TrainingStage) -> ViewLoss:
    """Returns the mean loss of each view over the epoch and the processes."""
    progress, reduce = run.progress, run.accelerator.reduce
    updates = progress.step * len(stage.updates) // len(progress.sums)
    losses = ViewLoss(**{view: reduce(value, "mean").item() / updates for view, value in progress.sums.items()})
    _refuse_divergence(losses, stage.name, progress.epoch)
    return losses


def _refuse_divergence(losses: ViewLoss, stage: str, epoch: int) -> None:
    for view, loss in vars(losses).items():
        if loss is not None and not math.isfinite(loss):
            raise InputError(
                f"the loss of the {view} pictures is {loss} in epoch {epoch} of {stage}: training diverged; "
                "lower the learning rates"
            )


def _validate(run: Run) -> ViewAccuracy | None:
    if run.data.validation is None:
        return None
    batches = run.watched(run.progress.waiting.over(run.data.validation))
    return evaluate_views(run.model, batches, run.accelerator).accuracy
