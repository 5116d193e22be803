"""How sparsity grows over rounds. Adding a schedule: a function, and a line in SCHEDULES."""

from __future__ import annotations

from collections.abc import Callable


def one_shot(sparsity: float, rounds: int) -> list[float]:
    """Returns the whole sparsity at once, whatever the rounds."""
    return [sparsity]


def geometric(sparsity: float, rounds: int) -> list[float]:
    """Returns the sparsity after each round: density d^(i/n), so that every round keeps the same share of what is left.

    Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", arXiv 1803.03635, section 2.
    """
    density = 1 - sparsity
    return [1 - density ** (done / rounds) if done < rounds else sparsity for done in range(1, rounds + 1)]


def cubic(sparsity: float, rounds: int) -> list[float]:
    """Returns the sparsity after each round: s (1 - (1 - i/n)^3), so that most goes while there is most to choose from.

    Source: Zhu and Gupta, "To prune, or not to prune", arXiv 1710.01878, section 3.
    """
    return [sparsity * (1 - (1 - done / rounds) ** 3) if done < rounds else sparsity for done in range(1, rounds + 1)]


SCHEDULES: dict[str, Callable[[float, int], list[float]]] = {
    "one_shot": one_shot,
    "geometric": geometric,
    "cubic": cubic,
}
