"""A method is a short list of stages. Adding one: a file with a function, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from ..training import Stage
from .dense import dense_stages
from .options import MethodOptions
from .vpns import vpns_stages

METHODS: dict[str, Callable[[MethodOptions], list[Stage]]] = {
    "vpns": vpns_stages,
    "dense": dense_stages,
}

__all__ = [
    "METHODS",
    "MethodOptions",
    "dense_stages",
    "vpns_stages",
]
