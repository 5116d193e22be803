"""A process of the loopback Hub's users: takes one call per line of standard input, and answers on a file descriptor.

Run as `python -I client_process.py ANSWERS ROOT [FORBIDDEN]`: the descriptor, the folder `vpns_hf` is imported from, and
a package that cannot be imported here.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any


class Forbid(importlib.abc.MetaPathFinder):
    """Makes a package unimportable even where it is installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"{fullname} is not installed here", name=fullname)


def module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"called_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(asked: dict[str, Any]) -> Any:
    """Calls a function of a file, or its `main` as a script."""
    if "argv" not in asked:
        return getattr(module_at(Path(asked["file"])), asked["function"])(**asked["arguments"])
    sys.argv = [asked["file"], *asked["argv"]]
    if Path(asked["file"]).name == "__main__.py":
        from vpns_hf.__main__ import main as command

        return command()
    from vpns_hf.cli.script import run_script

    return run_script(module_at(Path(asked["file"])).main)


def main(answers: int, root: str, forbidden: str | None = None) -> None:
    time.sleep = lambda seconds: None  # the clients wait before they try again
    sys.path.insert(0, root)
    if forbidden:
        sys.meta_path.insert(0, Forbid(forbidden))
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.pop("HF_TOKEN", None)
        os.environ.update(asked["environment"])
        answer = {"code": 0, "result": None}
        try:
            answer["result"] = call(asked)
        except SystemExit as exit:
            answer["code"] = exit.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(answers, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
