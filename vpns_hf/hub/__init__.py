"""Pruned models on the Hub: cards here; publishing (`sweep`, `publishing`) and browsing (`listing`) in their modules."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["VPNsModelCardData", "write_model_card"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: cards know data sets and backbones, which themselves ask whether the Hub answers.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".model_card", __name__), name)
