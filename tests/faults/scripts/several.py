"""A tiny job in several processes, of which the last one is sent SIGTERM: `several.py FOLDER UPDATE`; 0 lets it finish."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.faults.interrupted import At, job
from vpns_hf.scripting import run_script


def main() -> None:
    folder, update = Path(sys.argv[1]), int(sys.argv[2])
    last = os.environ["RANK"] == str(int(os.environ["WORLD_SIZE"]) - 1)
    stop = At(update, lambda: last and os.kill(os.getpid(), signal.SIGTERM))
    job(folder, stop).train()


if __name__ == "__main__":
    run_script(main)
