"""What a study is going to do, in words: said before it starts, and all that a dry run does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..utils.text import counted, megabytes
from .cell import Cell
from .estimate import Cost, Estimate
from .folder import Status, StudyFolder

LISTED = 100  # cells


@dataclass(frozen=True)
class StudyPlan:
    """The cells of a study, and what they cost.

    Attributes:
        cells: in the order in which they are numbered.
        folder: of the study.
        jobs: at a time.
        estimate: tells the cost of cells; None leaves it out.
    """

    cells: Sequence[Cell]
    folder: StudyFolder
    jobs: int = 1
    estimate: Estimate | None = None

    def __str__(self) -> str:
        states = [self.folder.state(cell).status for cell in self.cells]
        counts = Counter(states)
        told = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
        lines = [*self._axes(), f"Runs: {len(self.cells)}, of which {told}", *self._listed(states)]
        lines += [] if self.estimate is None else self._costs(states)
        return "\n".join([*lines, f"Output: {self.folder.path}"])

    def _axes(self) -> list[str]:
        """Returns the values of each axis, a line each."""
        values: dict[str, dict[str, None]] = {}
        for cell in self.cells:
            for name, value in cell.axes.items():
                values.setdefault(name, {})[value] = None
        return [f"{name}: {', '.join(found)}" for name, found in values.items()]

    def _listed(self, states: Sequence[Status]) -> list[str]:
        """Returns a line for each cell, with its number for `--cell`."""
        if len(self.cells) > LISTED:
            return []
        width = len(str(len(self.cells)))
        pairs = enumerate(zip(self.cells, states, strict=True), start=1)
        return [f"  {number:{width}}  {state.value:7}  {cell.in_words}" for number, (cell, state) in pairs]

    def _costs(self, states: Sequence[Status]) -> list[str]:
        left = [cell for cell, state in zip(self.cells, states, strict=True) if state is not Status.DONE]
        costs = [self.estimate.cost(cell) for cell in left]
        shared = self.estimate.shared(left)
        passes = [cost.passes for cost in costs if cost.passes is not None]
        unknown = len(costs) - len(passes)
        lines = [
            f"Passes over the training images: {sum(passes):g} for {counted(len(passes), 'run')}"
            + (f", not known for {unknown}" if unknown else "")
            + f"; beside these {sum(cost.passes for cost in shared):g} for "
            + f"{counted(len(shared), 'network')} that runs share, pre-trained ones and dense references"
        ]
        return [*lines, self._disk([*costs, *shared]), self._time([*costs, *shared]), *self.estimate.remarks]

    def _disk(self, costs: Sequence[Cost]) -> str:
        known = [cost.bytes for cost in costs if cost.bytes is not None]
        decoded = self.estimate.decoded_bytes
        missing = "" if len(known) == len(costs) else f", not known for {len(costs) - len(known)} of these"
        return f"Disk: about {megabytes(sum(known))} for models{missing}, {megabytes(decoded)} for decoded images"

    def _time(self, costs: Sequence[Cost]) -> str:
        known = [cost.seconds for cost in costs if cost.seconds is not None]
        if not known:
            return "Time: not known"
        missing = "" if len(known) == len(costs) else f", without {len(costs) - len(known)} of which it is not known"
        return f"Time: about {_in_words(sum(known) / self.jobs)} with {counted(self.jobs, 'job')} at a time{missing}"


def _in_words(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
