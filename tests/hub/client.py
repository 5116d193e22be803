"""Users of the loopback Hub: processes of their own, with an empty home and the real client libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.scripts.running import Ended

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("client_process.py")


class Client:
    """A process that talks to the Hub at an address; use it with `with`.

    Args:
        endpoint: address of the Hub.
        home: folder of its caches; made if it is not there.
        forbidden: a package that cannot be imported in it.
    """

    def __init__(self, endpoint: str, home: Path, forbidden: str | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        own = {"HF_HOME": str(home / "huggingface"), "HOME": str(home), "HF_ENDPOINT": endpoint}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
        self.home = home
        read, write = os.pipe()
        with (home / "out").open("w") as out, (home / "err").open("w") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-I", PROCESS, str(write), str(ROOT), *([forbidden] if forbidden else [])],
                **{"stdin": subprocess.PIPE, "stdout": out, "stderr": err, "text": True, "cwd": home},
                env={**kept, **own, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
                pass_fds=[write],
            )
        os.close(write)
        self._answers = os.fdopen(read)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *args: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._answers.close()

    def script(self, name: str, *argv: object, token: str | None = None) -> Ended:
        """Runs a script of the project."""
        return self._ask(token, file=str(ROOT / name), argv=[str(word) for word in argv])

    def call(self, file: Path, function: str, token: str | None = None, **arguments: Any) -> Ended:
        """Calls a function of a file; arguments and result are of JSON types."""
        return self._ask(token, file=str(file), function=function, arguments=arguments)

    def _ask(self, token: str | None, **asked: Any) -> Ended:
        before = [len(self._text(name)) for name in ("out", "err")]
        asked["environment"] = {"HF_TOKEN": token} if token else {}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._answers.readline()
        out, err = (self._text(name)[start:] for name, start in zip(("out", "err"), before, strict=True))
        if not line:
            raise RuntimeError(f"the process ended: {err}")
        answer = json.loads(line)
        return Ended(answer["code"], out, err, answer["result"])

    def _text(self, name: str) -> str:
        return (self.home / name).read_text(encoding="utf-8", errors="replace")
