"""The one training loop. It knows nothing of masks or methods: stages own what happens, callbacks watch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from vpns_hf.errors import InputError
from vpns_hf.reporting import EpochRecord, ViewAccuracy, ViewLoss

from .evaluation import evaluate_views
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
    schedule = CosineAnnealingLR(optimizer.optimizer, T_max=stage.epochs)
    _tell(run, "on_stage_begin", stage)
    for epoch in range(1, stage.epochs + 1):
        start = time.perf_counter()
        stage.before_epoch(run, epoch)
        learning_rate = schedule.get_last_lr()[0]
        losses = train_epoch(run, stage, model, optimizer, epoch)
        schedule.step()
        synchronise_statistics(run.model, run.accelerator)
        validation = _validate(run)
        stage.after_epoch(run, epoch, validation)
        seconds = time.perf_counter() - start
        _record(run, EpochRecord(stage.name, epoch, losses, run.model.sparsity, learning_rate, seconds, validation))
    _tell(run, "on_stage_end", stage)
    run.model = run.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    run.accelerator.free_memory()
    stage.finish(run)


def train_epoch(
    run: Run, stage: TrainingStage, model: nn.Module, optimizer: AcceleratedOptimizer, epoch: int
) -> ViewLoss:
    """Goes once through the images with every update of the stage, in turn; returns the mean loss of each view.

    Args:
        model: the prepared model.
        optimizer: the prepared optimiser.
        epoch: counted from 1.
    """
    model.train()
    sums = {update.view: torch.zeros((), device=run.accelerator.device) for update in stage.updates}
    streams = [update.stream(run.data).epoch(epoch) for update in stage.updates]
    steps = 0
    for batches in zip(*streams, strict=True):
        for update, batch in zip(stage.updates, batches, strict=True):
            loss = model(batch.pixel_values, labels=batch.labels, prompted=update.prompted).loss
            run.accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            stage.after_update(run)
            sums[update.view] += loss.detach()
            _tell(run, "on_update", stage, update, loss.detach())
        steps += 1
    losses = _mean_losses(run.accelerator, sums, steps * len(stage.updates) // len(sums))
    _refuse_divergence(losses, stage.name, epoch)
    return losses


def synchronise_statistics(model: nn.Module, accelerator: Accelerator) -> None:
    """Averages the floating-point buffers (running statistics) over the processes, each of which saw its own images."""
    if accelerator.num_processes == 1:
        return
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.copy_(accelerator.reduce(buffer, reduction="mean"))


def _mean_losses(accelerator: Accelerator, sums: dict[str, Tensor], steps: int) -> ViewLoss:
    return ViewLoss(**{view: accelerator.reduce(value, "mean").item() / steps for view, value in sums.items()})


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
    return evaluate_views(run.model, run.data.validation, run.accelerator).accuracy


def _record(run: Run, record: EpochRecord) -> None:
    run.history.append(record)
    _tell(run, "on_epoch_end", record)


def _tell(run: Run, event: str, *details: object) -> None:
    for callback in run.callbacks:
        getattr(callback, event)(run, *details)
