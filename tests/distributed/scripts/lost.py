"""A tiny job of several processes in which one is lost at an update: run as `lost.py OUTPUT RANK UPDATE SIGNAL TIMEOUT`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.training_helpers import tiny_trainer
from vpns_hf import Callback
from vpns_hf.cli.script import run_script


class Lost(Callback):
    """Sends its own process a signal after an update."""

    def __init__(self, update: int, name: str) -> None:
        self.left, self.signal = update, getattr(signal, name)

    def on_update(self, run, stage, update, loss) -> None:
        self.left -= 1
        if self.left == 0:
            print("lost", flush=True)
            os.kill(os.getpid(), self.signal)


def main() -> None:
    output, rank, update, name, timeout = sys.argv[1:]
    trainer = tiny_trainer(Path(output), timeout=int(timeout), find_mask_epochs=3)
    if trainer.accelerator.process_index == int(rank):
        trainer.callbacks.append(Lost(int(update), name))
    trainer.train()


if __name__ == "__main__":
    run_script(main)
