"""Python programs in processes that are forked from one that has imported what jobs import.

An interpreter of its own would take longer to import PyTorch and the rest than most of these programs run.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["datasets", "accelerate", "vpns_hf.jobs.trainer", "tests.training_helpers"])


class Program:
    """A Python program that runs, with what of `subprocess.Popen` is needed; its outputs are kept in files.

    Args:
        command: the path of the program, and its arguments.
        environment: the only one it has.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="program-")
        self._outputs = [Path(self._folder.name) / name for name in ("out", "err")]
        self._process = FORKS.Process(target=_run, args=(command, environment, self._outputs), daemon=True)
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self._process.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for the end, and returns the two outputs.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        out, err = (path.read_text() for path in self._outputs)
        return out, err


def _run(command: list[str], environment: dict[str, str], outputs: list[Path]) -> None:
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")
    sys.stdout.flush()
