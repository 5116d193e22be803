"""Where a job stands: which training stage of how many, and how long what is left may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from .run import Run, Stage, TrainingStage


class Agenda:
    """The training stages of all runs of a job, in order; without any it knows nothing, and says so.

    Args:
        runs: {name of a run: its stages}, in order.
        clock: seconds that only grow.
    """

    def __init__(
        self, runs: Mapping[str, Sequence[Stage]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._costs = {
            (name, place): stage.passes
            for name, stages in (runs or {}).items()
            for place, stage in enumerate(stages)
            if isinstance(stage, TrainingStage)
        }
        self._order = list(self._costs)
        self._begun: tuple[float, float] | None = None  # when, and how much was done before

    def leave_out(self, runs: Collection[str]) -> None:
        """Takes runs that are finished out of what is still to be made, by name."""
        self._costs = {place: cost for place, cost in self._costs.items() if place[0] not in runs}

    def begin(self, run: Run) -> None:
        """Starts the clock where the first stage of this process begins."""
        if self._begun is None:
            self._begun = self._clock(), self._done(run)

    def place(self, run: Run) -> str:
        """Returns which stage a run is in, such as "stage 3 of 7"; empty if it is on no agenda."""
        here = run.name, run.finished
        if here not in self._order:
            return ""
        return f"stage {self._order.index(here) + 1} of {len(self._order)}"

    @property
    def elapsed(self) -> float:
        """Seconds since this process began to train."""
        return 0.0 if self._begun is None else self._clock() - self._begun[0]

    def left(self, run: Run) -> float | None:
        """Returns the seconds the rest of the job takes if its passes take as long as those so far; None if none was made."""
        if self._begun is None or (run.name, run.finished) not in self._costs:
            return None
        made = self._done(run) - self._begun[1]
        return None if made <= 0 else self.elapsed * (sum(self._costs.values()) - self._done(run)) / made

    def _done(self, run: Run) -> float:
        """Returns how many passes over the training images lie before the place where a run is."""
        here = run.name, run.finished
        if here not in self._costs:
            return 0.0
        before = list(self._costs)[: list(self._costs).index(here)]
        return sum(self._costs[place] for place in before) + self._costs[here] * _share(run)


def _share(run: Run) -> float:
    """Returns which part of its training stage is over, in [0, 1]."""
    progress, stage = run.progress, run.stage
    if progress is None or stage is None or not stage.epochs:
        return 0.0
    steps = len(stage.updates[0].stream(run.data))
    return (progress.epoch - 1 + progress.step / steps) / stage.epochs
