"""Prune vision models while learning a visual prompt (VPNs, arXiv 2312.01397), in the Hugging Face world."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import InputError
from .models import VggConfig, VggForImageClassification, VPNsConfig, VPNsForImageClassification

__version__ = "0.1.0"

# What needs data sets and processes is imported when it is first asked for, so that loading a model stays quick.
_ON_DEMAND = {
    "VPNsTrainer": "vpns_hf.training",
    "VPNsTrainingArguments": "vpns_hf.training",
    "Callback": "vpns_hf.training",
    "load_backbone": "vpns_hf.backbones",
}

__all__ = [
    "Callback",
    "InputError",
    "VPNsConfig",
    "VPNsForImageClassification",
    "VPNsTrainer",
    "VPNsTrainingArguments",
    "VggConfig",
    "VggForImageClassification",
    "load_backbone",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_DEMAND[name]), name)
