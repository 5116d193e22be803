"""Two sides timed in turn, so that what disturbs the machine disturbs both."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from time import perf_counter

WARM_UP = 2


def alternate_times(sides: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Returns milliseconds, one list per side; the order within a pair alternates, and the first pairs do not count."""
    times: list[list[float]] = [[] for _ in sides]
    for repeat in range(WARM_UP + repeats):
        order = range(len(sides)) if repeat % 2 else reversed(range(len(sides)))
        for index in order:
            start = perf_counter()
            sides[index]()
            times[index].append(1e3 * (perf_counter() - start))
    return [side[WARM_UP:] for side in times]


def ratio_row(name: str, times: Sequence[Sequence[float]]) -> dict[str, str | float]:
    """Returns a row of medians; the ratio is the median of those of the pairs."""
    ours, reference = times
    ratio = statistics.median(a / b for a, b in zip(ours, reference, strict=True))
    medians = {"ours": statistics.median(ours), "reference": statistics.median(reference)}
    return {"name": name, **medians, "unit": "ms", "ratio": ratio}
