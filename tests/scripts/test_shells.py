"""The scripts of a clone: each is a shell around the function of an installed command."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.running import SCRIPTS, command_of, script_at
from vpns_hf.__main__ import command_named
from vpns_hf.cli import COMMANDS

SHELLS = [path.name for path in sorted(SCRIPTS.glob("*.py")) if path.name != "benchmark.py"]


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_calls_the_function_of_its_command(name):
    script = script_at(name)
    assert script.main is command_named(command_of(name))
    assert len(inspect.getsource(script).splitlines()) < 12
    assert script.__doc__


def test_no_two_scripts_are_of_one_command():
    commands = [command_of(name) for name in SHELLS]
    assert len(set(commands)) == len(commands)
    assert set(COMMANDS) - set(commands) == {"list", "config"}


@pytest.mark.slow
def test_a_script_is_called_by_its_own_name():
    command = [sys.executable, "scripts/prune.py", "--sparsities", "2"]
    run = subprocess.run(command, cwd=Path(SCRIPTS).parent, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (2, "")
    [line] = run.stderr.splitlines()
    assert line.startswith("prune.py: error: ")
