from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vpns_hf.utils.own_process import run_own


@pytest.fixture
def python(tmp_path, monkeypatch) -> None:
    """Stands for Python: ends with the code that the first argument of the command is, or by SIGKILL."""
    path = tmp_path / "python"
    path.write_text('#!/bin/sh\n[ "$1 $2" = "-m vpns_hf" ] || exit 99\n[ "$3" = kill ] && kill -KILL $$\nexit "$3"\n')
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


@pytest.mark.parametrize(("argument", "code"), [("0", 0), ("2", 2), ("kill", 137)])
def test_the_code_is_that_of_the_process(python, argument, code):
    assert run_own([argument]) == code


def test_whoever_is_stopped_stops_it_first(monkeypatch):
    told = []

    class Waiting:
        """A process whose owner is stopped while it waits."""

        def __init__(self, command: list[str], env: dict[str, str], start_new_session: bool) -> None:
            assert Path(env["PYTHONPATH"].partition(":")[0], "vpns_hf").is_dir()
            assert start_new_session

        def wait(self) -> int:
            told.append("wait")
            if told == ["wait"]:
                raise KeyboardInterrupt
            return 143

        def terminate(self) -> None:
            told.append("terminate")

    monkeypatch.setattr(subprocess, "Popen", Waiting)
    with pytest.raises(KeyboardInterrupt):
        run_own(["prune"])
    assert told == ["wait", "terminate", "wait"]
