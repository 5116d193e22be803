"""What watches a run without changing it: progress bars, the log, experiment trackers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

from ..reporting import EpochRecord, ViewAccuracy
from .agenda import Agenda
from .run import Callback, ModelStage, Run, Stage, TrainingStage, Update

logger = logging.getLogger(__name__)


class ProgressCallback(Callback):
    """One progress bar per stage, named after its run, on the main process only.

    In training it shows loss, validation accuracy, sparsity and time left; elsewhere rounds, or batches that are read.

    Args:
        disable: show none.
        agenda: of the job, whose place and estimate are shown as well.
    """

    def __init__(self, disable: bool = False, agenda: Agenda | None = None) -> None:
        self.disable, self.agenda = disable, agenda or Agenda()
        self._bar: tqdm | None = None
        self._reads = False  # whether batches that are read are what the bar counts
        self._shown: dict[str, str] = {}

    def on_model_stage_begin(self, run: Run, stage: ModelStage) -> None:
        in_rounds = stage.rounds > 1
        self._reads = not in_rounds
        self._bar = tqdm(
            total=stage.rounds if in_rounds else None,
            desc=_title(run, stage.name, self.agenda),
            unit="round" if in_rounds else "batch",
            disable=self._is_hidden(run),
            leave=in_rounds,
            dynamic_ncols=True,
        )

    def on_evaluation_batch(self, run: Run) -> None:
        if self._reads:
            self._bar.update()

    def on_round_end(self, run: Run, stage: ModelStage) -> None:
        self._bar.update()

    def on_stage_finished(self, run: Run, stage: Stage) -> None:
        self._reads = False
        if self._bar is not None:
            self._bar.close()

    def on_stage_begin(self, run: Run, stage: TrainingStage) -> None:
        steps = [len(update.stream(run.data)) for update in stage.updates]
        progress = run.progress
        done = 0 if progress is None else (progress.epoch - 1) * sum(steps) + progress.step * len(steps)
        self.agenda.begin(run)
        self._shown = {"sparsity": f"{run.model.sparsity:.1%}"}
        self._bar = tqdm(
            total=stage.epochs * sum(steps),
            initial=done,
            desc=_title(run, stage.name, self.agenda),
            unit="update",
            disable=self._is_hidden(run),
            dynamic_ncols=True,
        )

    def on_update(self, run: Run, stage: TrainingStage, update: Update, loss: Tensor) -> None:
        if self._bar.update():  # the bar is drawn again
            self._bar.set_postfix({**self._shown, "loss": f"{loss.item():.3f}"}, refresh=False)

    def on_epoch_end(self, run: Run, record: EpochRecord) -> None:
        self._shown = {"sparsity": f"{record.sparsity:.1%}", "accuracy": _accuracy(record.validation)}
        if (left := self.agenda.left(run)) is not None:
            self._shown["job"] = f"{tqdm.format_interval(left)} left"
        self._bar.set_postfix({**self._shown, "loss": f"{_mean_loss(record):.3f}"})

    def on_stage_end(self, run: Run, stage: TrainingStage) -> None:
        self._bar.close()

    def on_interrupt(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.close()

    def _is_hidden(self, run: Run) -> bool:
        return self.disable or not run.accelerator.is_main_process


class LoggingCallback(Callback):
    """Logs one line per epoch, and per stage that ranks or reads images for long, at level INFO.

    The scripts show it where they show no bars.

    Args:
        agenda: of the job, whose place and estimate are told as well.
        worth_a_line: the seconds from which on a stage that does not train is told of.
    """

    def __init__(self, agenda: Agenda | None = None, worth_a_line: float = 1.0) -> None:
        self.agenda, self.worth_a_line = agenda or Agenda(), worth_a_line
        self._title, self._batches, self._begun = "", 0, 0.0

    def on_model_stage_begin(self, run: Run, stage: ModelStage) -> None:
        self._title = _title(run, stage.name, self.agenda)
        self._batches, self._begun = 0, time.perf_counter()

    def on_evaluation_batch(self, run: Run) -> None:
        self._batches += 1

    def on_stage_finished(self, run: Run, stage: Stage) -> None:
        if not isinstance(stage, ModelStage) or not run.accelerator.is_main_process:
            return
        seconds = time.perf_counter() - self._begun
        if (self._batches or stage.rounds > 1) and seconds >= self.worth_a_line:
            what = f"{stage.rounds} rounds" if stage.rounds > 1 else f"{self._batches} batches read"
            logger.info("%s: %s in %.1f s", self._title, what, seconds)

    def on_stage_begin(self, run: Run, stage: TrainingStage) -> None:
        self.agenda.begin(run)

    def on_epoch_end(self, run: Run, record: EpochRecord) -> None:
        if not run.accelerator.is_main_process:
            return
        title, accuracy = _title(run, record.stage, self.agenda), _accuracy(record.validation)
        epoch = f"epoch {record.epoch}" + (f" of {run.stage.epochs}" if run.stage else "")
        figures = f"{title}, {epoch}: loss {_mean_loss(record):.3f}, accuracy {accuracy}"
        left = self.agenda.left(run)
        interval = tqdm.format_interval
        times = "" if left is None else f"; {interval(self.agenda.elapsed)} so far, about {interval(left)} left"
        logger.info("%s%s", figures, times)


class TrackingCallback(Callback):
    """Sends every epoch's figures to the trackers of the accelerator, as run/stage/figure."""

    def __init__(self) -> None:
        self._step = 0

    def on_epoch_end(self, run: Run, record: EpochRecord) -> None:
        self._step += 1
        prefix = "/".join(filter(None, (_slug(run.name), record.stage)))
        values = {"loss_prompted": record.loss.prompted, "loss_plain": record.loss.plain}
        if record.validation is not None:
            values |= {"accuracy_prompted": record.validation.prompted, "accuracy_plain": record.validation.plain}
        values |= {"learning_rate": record.learning_rate, "sparsity": record.sparsity}
        named = {f"{prefix}/{name}": value for name, value in values.items() if value is not None}
        run.accelerator.log(named, step=self._step)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._step = state["step"]


def _title(run: Run, stage: str, agenda: Agenda) -> str:
    place = agenda.place(run)
    return ": ".join(filter(None, (run.name, stage))) + (f" ({place})" if place else "")


def _slug(name: str) -> str:
    """Returns a name without what trackers do not take: "70% sparsity" -> "70-sparsity"."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


def _mean_loss(record: EpochRecord) -> float:
    losses = [value for value in (record.loss.prompted, record.loss.plain) if value is not None]
    return sum(losses) / len(losses)


def _accuracy(accuracy: ViewAccuracy | None) -> str:
    if accuracy is None:
        return "-"
    views = {"prompted": accuracy.prompted, "plain": accuracy.plain}
    return ", ".join(f"{value:.3f} {name}" for name, value in views.items() if value is not None)
