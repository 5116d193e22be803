"""A tiny job of two processes; in the second a score changes at an update: run as `drifting.py OUTPUT UPDATE EVERY`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.training_helpers import tiny_trainer
from vpns_hf import Callback
from vpns_hf.cli.script import run_script


class Drift(Callback):
    """Turns the scores of one layer around after an update."""

    def __init__(self, update: int) -> None:
        self.left = update

    def on_update(self, run, stage, update, loss) -> None:
        self.left -= 1
        if self.left == 0:
            scores = stage.mask.scores[2]
            with torch.no_grad():
                scores.copy_(scores.flatten().flip(0).view_as(scores))


def main() -> None:
    output, update, every = sys.argv[1:]
    trainer = tiny_trainer(Path(output), find_mask_epochs=3, check_ranks_every=int(every))
    if trainer.accelerator.process_index == 1:
        trainer.callbacks.append(Drift(int(update)))
    trainer.train()


if __name__ == "__main__":
    run_script(main)
