"""What a weight is ranked by. Adding a criterion: a file with a function, and a line here."""

from __future__ import annotations

from .base import Criterion, Scores, ScoringContext
from .channel_graph import channel_graph
from .grasp import grasp
from .magnitude import magnitude
from .phew import Phew
from .pooling import First, Largest, Mean, Pooling
from .random import random
from .scaled_weight import scaled_weight
from .snip import snip
from .synflow import check_homogeneous, synflow
from .unread_rows import unread_rows_last

CRITERIA: dict[str, Criterion] = {
    "grasp": grasp,
    "magnitude": magnitude,
    "random": random,
    "scaled_weight": scaled_weight,
    "snip": snip,
    "synflow": synflow,
}

__all__ = [
    "CRITERIA",
    "Criterion",
    "First",
    "Largest",
    "Mean",
    "Phew",
    "Pooling",
    "Scores",
    "ScoringContext",
    "channel_graph",
    "check_homogeneous",
    "grasp",
    "magnitude",
    "random",
    "scaled_weight",
    "snip",
    "synflow",
    "unread_rows_last",
]
