"""The job: stages, the one loop, evaluation, and the trainer that runs a method at every sparsity."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# On demand, since the arguments list the methods, and these are made of stages: either may be imported first.
_PLACES = {"VPNsTrainingArguments": ".arguments", "Callback": ".callbacks", "VPNsTrainer": ".trainer"}

__all__ = ["Callback", "VPNsTrainer", "VPNsTrainingArguments"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
