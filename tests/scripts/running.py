"""Scripts as modules, so that tests call them in their own process."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from vpns_hf.__main__ import command_named
from vpns_hf.cli import COMMANDS

SCRIPTS = Path(__file__).parents[2] / "scripts"


@dataclass(frozen=True)
class Ended:
    """How a script ended: its code, and the lines it wrote."""

    code: int
    out: str
    err: str

    def refusal(self, program: str) -> str:
        """The one line that `program` refused a wrong input with, behind its name; code 2, and nothing else was written."""
        assert (self.code, self.out) == (2, ""), self
        [line] = self.err.splitlines()
        head = f"{program}: error: "
        assert line.startswith(head), line
        return line.removeprefix(head)


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
