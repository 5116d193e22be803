"""NumPy work over pieces of memory, shared out over threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class ThreadSharing:
    """Shares pieces of work out over as many threads as torch uses; NumPy lets go of the interpreter while it computes."""

    def __init__(self) -> None:
        self.threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.threads)

    def __reduce__(self) -> tuple:
        return ThreadSharing, ()

    def map(self, work: Callable[[Sequence[Piece]], Result], pieces: Sequence[Piece]) -> list[Result]:
        """Calls `work` with one share of the pieces per thread, in no particular order within; returns the results."""
        shares = [pieces[first :: self.threads] for first in range(self.threads)]
        mine, others = shares[0], [share for share in shares[1:] if share]
        waiting = [self._pool.submit(work, share) for share in others]
        return [work(mine), *(future.result() for future in waiting)]
