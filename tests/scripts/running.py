"""Scripts as modules, so that tests call them in their own process."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "scripts"


@dataclass(frozen=True)
class Ended:
    """How a script ended: its code, and the lines it wrote."""

    code: int
    out: str
    err: str


def script_at(name: str) -> ModuleType:
    """The script of that file name, as a module."""
    spec = importlib.util.spec_from_file_location(f"script_{Path(name).stem}", SCRIPTS / name)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script
