"""Looking at a network on its way, without a trace in what becomes of it."""

from __future__ import annotations

import copy
from dataclasses import asdict

from ...training import ModelStage, Run, evaluate_views
from ...training.distributed import generator_states, set_generator_states

MEASURED = "measured"


class Measure(ModelStage):
    """Notes the accuracy of a copy on the validation split, in `run.kept[MEASURED]`; nothing without such a split.

    Args:
        moment: what it is noted as.
    """

    name = "measure"

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def apply(self, run: Run) -> None:
        if run.data.validation is None:
            return
        device = run.accelerator.device
        generators = generator_states(device)
        seen = run.watched(run.data.validation)
        accuracy = evaluate_views(copy.deepcopy(run.model), seen, run.accelerator).accuracy
        set_generator_states(generators, device)
        run.kept[MEASURED] = {**run.kept.get(MEASURED, {}), self.moment: asdict(accuracy)}
