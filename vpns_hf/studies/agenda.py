"""Which cell is next, whoever else works on the same study."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from .cell import Cell
from .claims import Watch
from .folder import State, Status, StudyFolder


@dataclass(frozen=True)
class Turn:
    """What to do next.

    Attributes:
        cell: to work on; None if there is none now.
        after: the number of the claim that it takes the place of.
        is_over: whether there will be none any more.
    """

    cell: Cell | None = None
    after: int = 0
    is_over: bool = False


class Agenda:
    """The cells of a study that are still to be made; may be asked by several threads.

    A cell that failed before is tried once more, as its cause may be mended.

    Args:
        cells: in the order in which they are worked on.
        folder: of the study.
        watch: says whose heartbeat has stopped.
    """

    def __init__(self, cells: Sequence[Cell], folder: StudyFolder, watch: Watch) -> None:
        self._cells, self.folder, self._watch = list(cells), folder, watch
        self._lock = threading.Lock()
        self._ours: set[str] = set()
        self._settled: set[str] = set()
        states = {cell.name: folder.state(cell) for cell in cells}
        self._failed_before = {
            name: state.found.number for name, state in states.items() if state.status is Status.FAILED
        }
        self.left = sum(state.status is not Status.DONE for state in states.values())

    def next(self) -> Turn:
        """Returns the next cell, which is ours until `give_back`."""
        with self._lock:
            waiting = bool(self._ours)
            for cell in self._cells:
                if cell.name in self._settled or cell.name in self._ours:
                    continue
                state = self.folder.state(cell)
                if self._is_settled(cell, state):
                    self._settled.add(cell.name)
                elif state.status is not Status.RUNNING or self._watch.is_stale(self.folder.claims(cell), state.found):
                    self._ours.add(cell.name)
                    return Turn(cell, state.found.number)
                else:
                    waiting = True
            return Turn(is_over=not waiting)

    def give_back(self, cell: Cell) -> None:
        """Says that nobody here works on a cell any more, however it ended."""
        with self._lock:
            self._ours.discard(cell.name)

    def _is_settled(self, cell: Cell, state: State) -> bool:
        if state.status is Status.FAILED:
            return self._failed_before.get(cell.name) != state.found.number
        return state.status is Status.DONE
