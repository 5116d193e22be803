"""A tiny job in several processes that are sent SIGTERM at an update: `several.py FOLDER UPDATE WHO`; 0 lets it finish.

WHO is `last`, for the last process alone, or `all`, for every process and the launcher, which passes it on to them.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from torch import distributed

from tests.faults.interrupted import At, job
from vpns_hf.cli.script import run_script

RANK, LAST = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]) - 1


def to_the_last() -> None:
    if RANK == LAST:
        os.kill(os.getpid(), signal.SIGTERM)


def to_all() -> None:
    """Returns when this process was sent it twice."""
    received, handler = [], signal.getsignal(signal.SIGTERM)

    def note(number: int, frame: object) -> None:
        received.append(number)
        handler(number, frame)

    signal.signal(signal.SIGTERM, note)
    os.kill(os.getpid(), signal.SIGTERM)
    distributed.barrier()  # all of them listen when the launcher begins
    if RANK == LAST:
        os.kill(os.getppid(), signal.SIGTERM)
    while len(received) < 2:
        time.sleep(0.01)


def main() -> None:
    folder, update, who = Path(sys.argv[1]), int(sys.argv[2]), {"last": to_the_last, "all": to_all}[sys.argv[3]]
    job(folder, At(update, who)).train()


if __name__ == "__main__":
    run_script(main)
