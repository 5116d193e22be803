"""Scripts of this folder in a process that has nothing of this environment, above all not this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent


def run(script: str, root: Path, *arguments: Path) -> str:
    """Runs a script, its home and caches below `root`, and returns what it prints."""
    own = {"HF_HOME": root / "home", "HF_MODULES_CACHE": root / "modules", "HF_HUB_OFFLINE": "1", "HOME": root}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-I", SCRIPTS / script, *arguments],
        cwd=root,
        env={**environment, **{key: str(value) for key, value in own.items()}},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
