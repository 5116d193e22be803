"""What a user starts: a job, from its arguments to its results."""

from __future__ import annotations

from ..utils.doors import door

# The trainer needs `datasets`, which the help of a command does not.
__all__, __getattr__ = door(
    __name__,
    {"arguments": ["InputArguments", "VPNsTrainingArguments"], "trainer": ["VPNsTrainer"]},
)
