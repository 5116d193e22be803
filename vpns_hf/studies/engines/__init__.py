"""Where the jobs of a study run. Adding one: a file with a subclass of `Engine`."""

from __future__ import annotations

from .base import Engine
from .local import LocalEngine

__all__ = ["Engine", "LocalEngine"]
