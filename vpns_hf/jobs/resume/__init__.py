"""How a job survives an interruption: its identity, its checkpoints, and going on from them."""

from __future__ import annotations

from .checkpointing import Checkpointing
from .checkpoints import Checkpoints
from .finished import FinishedJob, is_finished
from .identity import OF_THE_PRUNED, Job, identity_of
from .resumption import Resumption, SavedState
from .shared import SharedPart, SharedParts

__all__ = [
    "OF_THE_PRUNED",
    "Checkpointing",
    "Checkpoints",
    "FinishedJob",
    "Job",
    "Resumption",
    "SavedState",
    "SharedPart",
    "SharedParts",
    "identity_of",
    "is_finished",
]
