"""Scripts as modules, so that tests call them in their own process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vpns_hf.__main__ import command_named
from vpns_hf.cli import COMMANDS

SCRIPTS = Path(__file__).parents[2] / "scripts"


@dataclass(frozen=True)
class Ended:
    """How a script or a call ended: its code, the lines it wrote, and what a call returned."""

    code: int
    out: str
    err: str
    result: Any = None

    def refusal(self, program: str) -> str:
        """The one line that `program` refused a wrong input with, behind its name; code 2, and nothing else was written."""
        assert (self.code, self.out) == (2, ""), self
        [line] = self.err.splitlines()
        head = f"{program}: error: "
        assert line.startswith(head), line
        return line.removeprefix(head)


def how_it_ends(call: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> Ended:
    """Calls what may end the program."""
    capsys.readouterr()
    code = 0
    try:
        call()
    except SystemExit as exit:
        code = exit.code
    return Ended(code, *capsys.readouterr())


def script_at(name: str) -> ModuleType:
    """The script of that file name, as a module."""
    spec = importlib.util.spec_from_file_location(f"script_{Path(name).stem}", SCRIPTS / name)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def command_of(name: str) -> str:
    """The installed command whose function a script calls."""
    main = script_at(name).main
    [command] = [command for command in COMMANDS if command_named(command) is main]
    return command
