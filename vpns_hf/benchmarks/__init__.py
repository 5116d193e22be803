"""Measurements of speed and memory; both sides of each are timed alternately in one run."""

from __future__ import annotations

from collections.abc import Callable

from .input import benchmark_input
from .selection import benchmark_selection
from .step import benchmark_memory, benchmark_step

BENCHMARKS: dict[str, Callable[[], list[dict]]] = {
    "step": benchmark_step,
    "selection": benchmark_selection,
    "input": benchmark_input,
    "memory": benchmark_memory,
}

__all__ = ["BENCHMARKS"]
