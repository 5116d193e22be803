"""How a job survives an interruption: its identity, its checkpoints, and going on from them."""

from __future__ import annotations

from .checkpointing import Checkpointing
from .checkpoints import Checkpoints
from .finished import FinishedJob, is_finished
from .identity import Job, identity_of
from .resumption import Resumption, SavedState

__all__ = [
    "Checkpointing",
    "Checkpoints",
    "FinishedJob",
    "Job",
    "Resumption",
    "SavedState",
    "identity_of",
    "is_finished",
]
