"""How long a model takes to classify a batch, measured beside another one in the same run."""

from __future__ import annotations

import platform
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

WARM_UP = 3
CPU_INFO = Path("/proc/cpuinfo")  # on Linux


@dataclass(frozen=True)
class Latency:
    """A time measured several times: median, lower and upper quartile, in milliseconds."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, times: Sequence[float]) -> Latency:
        """Returns that of times in milliseconds."""
        lower, median, upper = np.percentile(times, (25, 50, 75)).tolist()
        return cls(median, lower, upper)

    @property
    def is_steady(self) -> bool:
        """Whether the quartiles are close enough together for the median to tell of the model, and not of the machine."""
        return self.upper <= 2 * self.lower

    def overlaps(self, other: Latency) -> bool:
        """Returns whether the halves in the middle of both have a time in common."""
        return self.lower <= other.upper and other.lower <= self.upper


def measure_latency(
    calls: dict[str, Callable[[], Tensor]], device: torch.device, repeats: int = 15, milliseconds: float = 500.0
) -> dict[str, Latency]:
    """Times the calls in turn, over and over, so that what disturbs the machine disturbs all of them.

    Each turn has an order of its own: a processor that is shared is taken away at intervals, and in one order these may
    meet the same call of each turn.

    Args:
        calls: {name: function that classifies one batch}.
        device: what they compute on; its work is waited for.
        repeats: of each at least, after a few that do not count.
        milliseconds: to go on for where calls are short, up to 20 times as often.

    Returns:
        {name: latency}.
    """
    return {name: Latency.of(times) for name, times in _in_turn(calls, device, repeats, milliseconds).items()}


def fastest_milliseconds(calls: dict[str, Callable[[], Tensor]], device: torch.device) -> dict[str, float]:
    """Returns the shortest time of each call, in turns as those of `measure_latency`, in milliseconds.

    Others that share the machine make a call slower, never faster. Where they take most of it, medians of calls of a
    millisecond tell of them alone; the shortest time needs fewer calls than a median does.
    """
    return {name: min(times) for name, times in _in_turn(calls, device, milliseconds=100.0).items()}


@torch.no_grad()
def _in_turn(
    calls: dict[str, Callable[[], Tensor]], device: torch.device, repeats: int = 15, milliseconds: float = 500.0
) -> dict[str, list[float]]:
    shuffle, order = random.Random(0).shuffle, list(calls)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(WARM_UP + 20 * repeats):
        spent = sum(sum(each[WARM_UP:]) for each in times.values())
        if turn >= WARM_UP + repeats and spent >= milliseconds:
            break
        shuffle(order)
        for name in order:
            times[name].append(_milliseconds(calls[name], device))
    return {name: values[WARM_UP:] for name, values in times.items()}


def device_name(device: torch.device) -> str:
    """Returns what a reader needs to know of a device: the name of the GPU, or that of the CPU and its threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{_cpu_name()}, {threads} thread{'s' if threads > 1 else ''}" if device.type == "cpu" else device.type


def _cpu_name() -> str:
    """Returns the name of the processor where the system tells it, else its architecture."""
    try:
        told = re.search(r"^model name\s*:\s*(\S.*)$", CPU_INFO.read_text(encoding="utf-8"), re.M)
    except (OSError, UnicodeDecodeError):
        told = None
    return f"CPU {told[1] if told else platform.processor() or platform.machine()}".strip()


def _milliseconds(call: Callable[[], Tensor], device: torch.device) -> float:
    start = time.perf_counter()
    call()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return 1e3 * (time.perf_counter() - start)
