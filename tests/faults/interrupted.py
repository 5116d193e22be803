"""Tiny jobs in this process that an exception ends at an event that is asked for, as a crash would."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsTrainer
from vpns_hf.reporting import sparsity_name
from vpns_hf.training import Callback

JOB = {"sparsities": [0.5], "finetune_epochs": 2, "checkpointing_steps": 2, "label_mapping": "iterative"}


class Crash(Exception):
    """Nobody catches it."""


class At(Callback):
    """Calls something at the n-th update."""

    def __init__(self, update: int, action: Callable[[], None]) -> None:
        self.left, self.action = update, action

    def on_update(self, run, stage, update, loss) -> None:
        self.left -= 1
        if self.left == 0:
            self.action()


def crash() -> None:
    raise Crash


class Updates(Callback):
    """Counts the updates."""

    def __init__(self) -> None:
        self.count = 0

    def on_update(self, run, stage, update, loss) -> None:
        self.count += 1


class Runs(Callback):
    """Notes which runs have trained."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_stage_begin(self, run, stage) -> None:
        if run.name not in self.names:
            self.names.append(run.name)


def job(folder: Path, *callbacks: Callback, **changes: object) -> VPNsTrainer:
    """A trainer of the tiny job; it takes 6 updates to find the mask and 12 to fine-tune."""
    trainer = tiny_trainer(folder, **{**JOB, **changes})
    trainer.callbacks.extend(callbacks)
    return trainer


def crashed_job(folder: Path, update: int, **changes: object) -> None:
    """Leaves behind what a job leaves that crashed at the n-th update."""
    with pytest.raises(Crash):
        job(folder, At(update, crash), **changes).train()


def weights(folder: Path, sparsity: float = 0.5) -> str:
    """The digest of the weights a job has saved."""
    return hashlib.sha256((folder / "out" / sparsity_name(sparsity) / "model.safetensors").read_bytes()).hexdigest()
