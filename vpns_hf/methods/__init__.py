"""A method is a short list of stages. Adding one: a file with a function, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .dense import dense_stages
from .vpns import vpns_stages

if TYPE_CHECKING:
    from vpns_hf.training.arguments import VPNsTrainingArguments
    from vpns_hf.training.stages import Stage

METHODS: dict[str, Callable[[VPNsTrainingArguments], list[Stage]]] = {
    "vpns": vpns_stages,
    "dense": dense_stages,
}

__all__ = ["METHODS", "dense_stages", "vpns_stages"]
