"""The scripts of a clone: each is a shell around the function of an installed command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.scripts.running import SCRIPTS, Ended, command_of
from vpns_hf.cli import COMMANDS

SHELLS = [path.name for path in sorted(SCRIPTS.glob("*.py")) if path.name != "benchmark.py"]


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_only_calls_the_function_of_a_command(name):
    assert command_of(name) in COMMANDS
    source = (SCRIPTS / name).read_text(encoding="utf-8")
    assert source.startswith('"""')
    assert len(source.splitlines()) < 12


def test_no_two_scripts_are_of_one_command():
    commands = [command_of(name) for name in SHELLS]
    assert len(set(commands)) == len(commands)
    assert set(COMMANDS) - set(commands) == {"list", "config"}


@pytest.mark.slow
def test_a_script_is_called_by_its_own_name():
    command = [sys.executable, "scripts/prune.py", "--sparsities", "2"]
    run = subprocess.run(command, cwd=SCRIPTS.parent, capture_output=True, text=True, timeout=120)
    assert "sparsity" in Ended(run.returncode, run.stdout, run.stderr).refusal("prune.py")
