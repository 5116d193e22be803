"""A command of the package as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGES = Path(__file__).parents[2]


def run_own(arguments: Sequence[str]) -> int:
    """Runs `python -m vpns_hf ARGUMENTS` and waits for it; returns its exit code, that of a shell where a signal ended it.

    Whoever stops this process stops that one first, which then leaves a checkpoint.
    """
    paths = filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")])
    process = subprocess.Popen(
        [sys.executable, "-m", "vpns_hf", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # so that Ctrl-C comes to it once, from us
    )
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code
