"""Every method in several processes; each leaves the masks it ended with: run as `torchrun methods.py OUTPUT`."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.training_helpers import tiny_arguments, tiny_trainer
from vpns_hf.cli.script import run_script
from vpns_hf.methods import METHODS, Task
from vpns_hf.methods.stages import Rewind
from vpns_hf.methods.stages.rewind import EARLY
from vpns_hf.training import Callback, RankCheck, Run, run_stages

SPARSITY = 0.36  # two rounds
MEAN = "backbone.resnet.embedder.embedder.normalization.running_mean"
CHANNELS = {"granularity": "channel", "round_channels_to": 1}
CASES = {
    "vpns": {},
    "random": {},
    "omp": {"distill_alpha": 0.5, "dense_reference": True},  # all processes are compared after every taught update
    "snip": {},
    "grasp": {},
    "synflow": {"rounds": 5},
    "phew": {},
    "imp": {
        "imp_rewind_step": 2,
        "learning_rate": 0.05,
    },  # within the epoch, where each process has statistics of its own
    "hydra": {},
    "bip": {},
    "vpns, of channels": CHANNELS,
    "bip, of channels": CHANNELS,
}


class Rewound(Callback):
    """Keeps a running mean of this process after each rewind."""

    def __init__(self) -> None:
        self.means: list[Tensor] = []

    def on_stage_finished(self, run: Run, stage) -> None:
        if isinstance(stage, Rewind):
            self.means.append(run.model.state_dict()[MEAN].clone())


def runs(output: Path, *methods: str) -> dict[str, Run]:
    """Runs of the methods on one data set, with all processes that take part compared after every update."""
    trainer = tiny_trainer(output)
    done = {}
    for name in methods:
        torch.manual_seed(7)
        method = name.partition(",")[0]
        args = tiny_arguments(output, method=method, score_learning_rate=0.1, **CASES[name])
        run = Run(copy.deepcopy(trainer.base), trainer.accelerator, trainer.batches(), [RankCheck(1), Rewound()])
        run.teacher = copy.deepcopy(trainer.base).requires_grad_(False).eval()
        run_stages(run, METHODS[method].stages(args, Task(SPARSITY, images=40, classes=3)))
        done[name] = run
    return done


def masks_of(done: dict[str, Run]) -> dict[str, Tensor]:
    """The masks, by method and layer."""
    return {f"{method}.{name}": mask for method, run in done.items() for name, mask in run.model.masks().items()}


def statistics_of(run: Run) -> dict[str, Tensor]:
    """A running mean of each process when the early state was kept, and those of this one after each rewind."""
    means = [state["statistics"][MEAN] for state in run.kept[EARLY]["processes"]]
    return {
        **{f"early.{rank}": mean for rank, mean in enumerate(means)},
        **{f"rewound.{time}": mean for time, mean in enumerate(run.callbacks[-1].means)},
    }


def main(output: Path) -> None:
    done = runs(output, *CASES)
    state = {f"imp.{name}": value for name, value in done["imp"].model.state_dict().items() if "mask" not in name}
    tensors = {**masks_of(done), **statistics_of(done["imp"]), **{f"state.{key}": v for key, v in state.items()}}
    save_file(
        {name: value.contiguous() for name, value in tensors.items()},
        output / f"rank-{torch.distributed.get_rank()}.safetensors",
    )


if __name__ == "__main__":
    run_script(lambda: main(Path(sys.argv[1])))
