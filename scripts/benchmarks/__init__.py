"""Measurements of speed and memory; both sides of each are timed alternately in one run."""

from __future__ import annotations

from collections.abc import Callable

from .cache import benchmark_cache
from .checkpoint import benchmark_checkpoint
from .criteria import benchmark_criteria
from .errors import NothingToMeasure
from .gpu import benchmark_gpu
from .inference import benchmark_inference
from .input import benchmark_input
from .kill import benchmark_kill
from .selection import benchmark_selection
from .shrink import benchmark_shrink
from .step import benchmark_memory, benchmark_step
from .storage import benchmark_load, benchmark_size

BENCHMARKS: dict[str, Callable[..., list[dict]]] = {
    "step": benchmark_step,
    "selection": benchmark_selection,
    "input": benchmark_input,
    "cache": benchmark_cache,
    "memory": benchmark_memory,
    "size": benchmark_size,
    "load": benchmark_load,
    "inference": benchmark_inference,
    "gpu": benchmark_gpu,
    "kill": benchmark_kill,
    "checkpoint": benchmark_checkpoint,
    "criteria": benchmark_criteria,
    "shrink": benchmark_shrink,
}

__all__ = ["BENCHMARKS", "NothingToMeasure"]
