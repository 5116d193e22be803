"""scripts/prune.py with notes of what each process saw: `streaming.py FOLDER UPDATE OPTIONS...`.

The last process is killed at that update; 0 lets it finish.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from tests.faults.interrupted import At
from tests.scripts.running import script_at
from vpns_hf import Callback, VPNsTrainer
from vpns_hf.cli.script import run_script
from vpns_hf.data import Batch
from vpns_hf.jobs import eval_batches
from vpns_hf.jobs import trainer as module


class KeepMasks(Callback):
    """Digests of all masks at the end of each stage."""

    def __init__(self) -> None:
        self.masks: dict[str, list[str]] = {}

    def on_stage_end(self, run, stage) -> None:
        self.masks[stage.name] = [digest(mask) for _, mask in sorted(run.model.masks().items())]


def digest(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()[:16]


def pictures(batch: Batch) -> list[str]:
    """Digests of what counts in a batch."""
    images = batch.pixel_values if batch.valid is None else batch.pixel_values[batch.valid]
    return [digest(image) for image in images]


def seen(trainer: VPNsTrainer) -> dict[str, list[list[str]]]:
    """The pictures of every batch of the first epoch, and of those that measure."""
    data = trainer.batches()
    streams: dict[str, Iterable[Batch]] = {
        "prompted": data.prompted.epoch(1),
        "plain": data.plain.epoch(1),
        "validation": data.validation,
        "test": eval_batches(trainer.images.test, trainer.args, trainer.process),
    }
    return {name: [pictures(batch) for batch in batches] for name, batches in streams.items()}


class NotingTrainer(VPNsTrainer):
    """Leaves its notes in FOLDER/rank-R.json."""

    notes_at: Path
    killed_at: int

    def train(self) -> dict:
        index, keep = self.process.index, KeepMasks()
        self.callbacks.append(keep)
        if index == self.process.count - 1:
            self.callbacks.append(At(self.killed_at, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        notes = {"seen": seen(self)}
        results = super().train()
        notes["masks"] = keep.masks
        (self.notes_at / f"rank-{index}.json").write_text(json.dumps(notes))
        return results


def main() -> None:
    NotingTrainer.notes_at, NotingTrainer.killed_at = Path(sys.argv[1]), int(sys.argv[2])
    sys.argv[:3] = ["prune.py"]
    script = script_at("prune.py")
    module.VPNsTrainer = NotingTrainer
    script.main()


if __name__ == "__main__":
    run_script(main)
