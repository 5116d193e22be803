"""Where the jobs of a study run. Adding one: a file with a subclass of `Engine`, and a line here."""

from __future__ import annotations

from .base import Engine
from .local import LocalEngine
from .ray_cluster import RayEngine

ENGINES: dict[str, type[Engine]] = {"local": LocalEngine, "ray": RayEngine}

__all__ = ["ENGINES", "Engine", "LocalEngine", "RayEngine"]
