"""Stands for `vpns prune`: counts to STEPS in checkpoints, stops at SIGTERM, refuses a folder that another job has.

What it ends with tells of every step, so that one that was left out or made twice is seen. The environment says what
goes wrong: FAKE_FAILS names seeds that fail, FAKE_KILLED seeds that kill themselves at their first step, FAKE_FULL the
seeds whose disk is full, FAKE_HOLD a file that keeps jobs at their first step as long as it is there.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

STEPS = 4
PAUSE = 0.02  # seconds a step takes


def main() -> None:
    given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    folder, seed = Path(given["--output_dir"]), given.get("--seed", "7")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "starts", "a") as starts:
        starts.write(f"{os.getpid()}\n")
    lock = open(folder / ".vpns.lock", "w")  # noqa: SIM115 (it is held to the end)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"prune: error: another job is writing to {folder}")
    for name, end in (
        ("FAKE_FAILS", "prune: error: seed is not to my liking"),
        (
            "FAKE_FULL",
            "prune: error: out could not be written to (No space left on device); what was finished before is intact: make room",
        ),
    ):
        if seed in os.environ.get(name, "").split():
            print(end)
            sys.exit(2)
    count(folder, seed)


def count(folder: Path, seed: str) -> None:
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    steps = folder / "checkpoints" / "steps"
    done = steps.read_text() if steps.exists() else ""
    while len(done) < STEPS:
        time.sleep(PAUSE)
        while done and os.path.exists(os.environ.get("FAKE_HOLD", "")):
            time.sleep(PAUSE)
        done += str(len(done))
        aside = checkpoints / "aside"
        aside.write_text(done)
        os.replace(aside, steps)
        if seed in os.environ.get("FAKE_KILLED", "").split() and done == "0":
            os.kill(os.getpid(), signal.SIGKILL)
    (folder / "weights").write_text(done)
    job = {"identity": {"sparsities": [0.5]}, "processes": 1, "finished": {}, "versions": {}}
    (folder / "job.json").write_text(json.dumps(job))
    steps.unlink()
    checkpoints.rmdir()


if __name__ == "__main__":
    main()
