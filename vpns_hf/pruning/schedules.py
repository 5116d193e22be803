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


SCHEDULES: dict[str, Callable[[float, int], list[float]]] = {"one_shot": one_shot, "geometric": geometric}
