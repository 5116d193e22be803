"""Running statistics estimated anew by several processes; each leaves its own: run as `torchrun recalibrated.py OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.helpers import prune_at_random
from tests.training_helpers import dense_model, tiny_trainer
from vpns_hf.cli.script import run_script
from vpns_hf.methods.stages import RecalibrateBatchNorm
from vpns_hf.training import Run, normalisation_layers

BATCHES = 4  # more than the three of an epoch


def recalibrated(output: Path) -> dict[str, Tensor]:
    """The running statistics of every layer."""
    trainer, model = tiny_trainer(output), prune_at_random(dense_model())
    torch.manual_seed(trainer.process.index)  # nothing may depend on a generator
    RecalibrateBatchNorm(BATCHES).apply(Run(model, trainer.accelerator, trainer.batches()))
    names = ("running_mean", "running_var", "num_batches_tracked")
    layers = enumerate(normalisation_layers(model))
    return {f"{index}.{name}": getattr(layer, name).clone() for index, layer in layers for name in names}


def main(output: Path) -> None:
    statistics = recalibrated(output)
    save_file(statistics, output / f"rank-{torch.distributed.get_rank()}.safetensors")


if __name__ == "__main__":
    run_script(lambda: main(Path(sys.argv[1])))
