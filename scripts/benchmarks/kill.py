"""Jobs that are killed at random moments and repeated, beside one that was left alone."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from pathlib import Path

from vpns_hf.errors import InputError

from .killed_job import is_finished, run_job, scratch, weights_of


def benchmark_kill(trials: int = 100, seed: int = 0) -> list[dict]:
    """Kills a tiny job by SIGKILL at a random moment, repeats the command, and compares all weights bit by bit.

    The moments are every update and evaluated batch, and every file that is opened to write, renamed or removed.

    Args:
        trials: at least 1.
        seed: of the moments.

    Returns:
        How many trials, by where the job was killed, ended with the same bits as the job that was left alone.
    """
    if trials < 1:
        raise InputError(f"trials is {trials}; give at least 1")
    expected, moments = uninterrupted()
    draws = random.Random(seed)
    chosen = [draws.randrange(len(moments)) for _ in range(trials)]
    made, same = Counter(moments[index] for index in chosen), Counter()
    for index in chosen:
        same[moments[index]] += killed_and_repeated(index + 1) == expected
    rows = [_row(f"killed during {place}", same[place], made[place]) for place in sorted(made)]
    return [*rows, _row("all", same.total(), made.total())]


def uninterrupted() -> tuple[dict[str, str], list[str]]:
    """Returns the weights of a job that is left alone, and the place of each of its moments."""
    with scratch() as name:
        folder = Path(name)
        _check(run_job(folder), 0, folder)
        return weights_of(folder), json.loads((folder / "moments.json").read_text())


def killed_and_repeated(moment: int) -> dict[str, str]:
    """Returns the weights of a job that was killed at a moment, counted from 1, and then repeated."""
    with scratch() as name:
        folder = Path(name)
        _check(run_job(folder, moment), -signal.SIGKILL, folder)
        if not is_finished(folder):  # killed while it put away its last checkpoint, it is, and would be refused
            _check(run_job(folder), 0, folder)
        return weights_of(folder)


def _check(status: int, expected: int, folder: Path) -> None:
    if status != expected:
        said = (folder / "stderr.txt").read_text(encoding="utf-8").strip()
        raise RuntimeError(f"a job ended with {status} instead of {expected}: {said}")


def _row(name: str, same: int, made: int) -> dict:
    return {"name": name, "ours": same, "reference": made, "ratio": same / made, "unit": "trials with the same bits"}
