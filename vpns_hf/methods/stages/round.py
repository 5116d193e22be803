"""A round of an iterative method: training whose result the next ranking sees."""

from __future__ import annotations

from ...errors import InputError
from ...training import OptimizerSpec, Run, StageProgress
from .finetune import FineTuneStage
from .rewind import EARLY, early_state, take_up


class BetweenRounds(FineTuneStage):
    """Trains as fine-tuning does, and keeps its last epoch."""

    name = "round"
    counts_as = "rounds"


class TrainRound(BetweenRounds):
    """The first round leaves the state that later ones begin from.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: as in `TrainingStage`.
        rewind_step: after so many iterations of the first round; 0 for the state it starts from.
        done: epochs that lie before the state it begins from, as of later rounds, and are not trained again.
    """

    def __init__(self, epochs: int, optimizer: OptimizerSpec, rewind_step: int = 0, done: float = 0.0) -> None:
        super().__init__(epochs, optimizer)
        self.rewind_step, self.done = rewind_step, done

    @property
    def passes(self) -> float:
        return (self.epochs - self.done) * len(self.updates)

    def begin(self, run: Run) -> None:
        if EARLY in run.kept:
            return
        iterations = self.epochs * len(self.updates[0].stream(run.data))
        if self.rewind_step > iterations:
            raise InputError(
                f"imp_rewind_step is {self.rewind_step}, but a round takes {iterations} iterations; give at most "
                f"{iterations}, or more epochs_per_round"
            )
        if self.rewind_step == 0:
            run.kept[EARLY] = early_state(run)

    def start(self, run: Run, progress: StageProgress) -> None:
        take_up(run, progress)

    def after_step(self, run: Run) -> None:
        steps = (run.progress.epoch - 1) * len(self.updates[0].stream(run.data)) + run.progress.step
        if steps == self.rewind_step and EARLY not in run.kept:
            run.kept[EARLY] = early_state(run)
