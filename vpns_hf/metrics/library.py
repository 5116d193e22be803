"""The library `evaluate`, found past a file of that name: Python looks into the folder of the running script first, and
`scripts/evaluate.py` lies there."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType


def _import_library() -> ModuleType:
    path = sys.path
    sys.path = [entry for entry in path if not Path(entry, "evaluate.py").is_file()]
    try:
        return import_module("evaluate")
    finally:
        sys.path = path


evaluate = _import_library()
