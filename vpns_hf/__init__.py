"""Prune vision models while learning a visual prompt (VPNs, arXiv 2312.01397), in the Hugging Face world."""

from __future__ import annotations

from .errors import InputError
from .models import VggConfig, VggForImageClassification, VPNsConfig, VPNsForImageClassification
from .utils.doors import door

__version__ = "0.1.0"

# What needs data sets and processes is imported when it is first asked for, so that loading a model stays quick.
_later, __getattr__ = door(
    __name__,
    {"jobs": ["VPNsTrainer", "VPNsTrainingArguments"], "training": ["Callback"], "backbones": ["load_backbone"]},
)

__all__ = [
    "InputError",
    "VPNsConfig",
    "VPNsForImageClassification",
    "VggConfig",
    "VggForImageClassification",
    *_later,
]
