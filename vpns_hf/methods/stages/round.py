"""A round of an iterative method: training whose result the next ranking sees."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...errors import InputError
from ...training import OptimizerSpec, Run
from .finetune import FineTuneStage
from .rewind import EARLY, early_state


class TrainRound(FineTuneStage):
    """Trains as fine-tuning does, and keeps its last epoch; the first round leaves the state that later ones begin from.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: as in `TrainingStage`.
        rewind_step: after so many iterations of the first round; 0 for the state it starts from.
    """

    name = "round"
    counts_as = "rounds"

    def __init__(self, epochs: int, optimizer: OptimizerSpec, rewind_step: int = 0) -> None:
        super().__init__(epochs, optimizer)
        self.rewind_step = rewind_step

    def begin(self, run: Run) -> None:
        if self.rewind_step == 0 and EARLY not in run.kept:
            run.kept[EARLY] = early_state(run)

    def start(self, run: Run) -> Mapping[str, Any] | None:
        return run.kept.get(EARLY, {}).get("progress")

    def after_step(self, run: Run) -> None:
        steps = (run.progress.epoch - 1) * len(self.updates[0].stream(run.data)) + run.progress.step
        if steps == self.rewind_step and EARLY not in run.kept:
            run.kept[EARLY] = {**early_state(run), "progress": copy.deepcopy(run.progress.state_dict())}

    def finish(self, run: Run) -> None:
        super().finish(run)
        if EARLY not in run.kept:
            raise InputError(
                f"imp_rewind_step is {self.rewind_step}, but a round has fewer iterations; give less, or more "
                "epochs_per_round"
            )
