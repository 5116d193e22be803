"""What a weight is ranked by. Adding a criterion: a file with a function, and a line here."""

from __future__ import annotations

from .base import Criterion, Scores, ScoringContext
from .magnitude import magnitude
from .random import random
from .scaled_weight import scaled_weight
from .snip import snip
from .unread_rows import unread_rows_last

CRITERIA: dict[str, Criterion] = {
    "magnitude": magnitude,
    "random": random,
    "scaled_weight": scaled_weight,
    "snip": snip,
}

__all__ = [
    "CRITERIA",
    "Criterion",
    "Scores",
    "ScoringContext",
    "magnitude",
    "random",
    "scaled_weight",
    "snip",
    "unread_rows_last",
]
