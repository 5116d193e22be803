"""Methods on random batches, without a job around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from tests.helpers import copied
from tests.training_helpers import dense_model, make_run, random_batches, tiny_arguments
from vpns_hf import VPNsForImageClassification, VPNsTrainingArguments
from vpns_hf.methods import METHODS, Task
from vpns_hf.training import Callback, Run, Stage, run_stages

SPARSITY = 0.6
STEPS = 2  # of an epoch
HEAD = "classifier.1"
PRUNING = [method for method in METHODS if method != "dense"]


def arguments(method: str, **changes: object) -> VPNsTrainingArguments:
    """One epoch of everything, few rounds, and a mask search that moves scores."""
    values = {
        "method": method,
        "rounds": 5,
        "score_learning_rate": 0.1,
        "prompt_learning_rate": 0.1,
        "learning_rate": 0.05,
    }
    sparsities = [0.0] if method == "dense" else [SPARSITY]
    return tiny_arguments(Path("never-written"), **{"sparsities": sparsities, **values, **changes})


def stages_of(method: str, sparsity: float = SPARSITY, **changes: object) -> list[Stage]:
    """The stages of a method on 8 images of three classes."""
    return METHODS[method].stages(arguments(method, **changes), Task(sparsity, images=4 * STEPS, classes=3))


def new_run(
    model: VPNsForImageClassification | None = None, callbacks: Sequence[Callback] = (), mixed_precision: str = "no"
) -> Run:
    """A run that sees the same batches and draws the same numbers every time."""
    batches = {"mapping": 3, "validation": 2, "plain": 1, "prompted": 0}
    given = {name: random_batches(STEPS, seed=seed) for name, seed in batches.items()}
    run = make_run(
        dense_model() if model is None else model,
        balanced=lambda per_class: random_batches(2, size=per_class, seed=4),
        mixed_precision=mixed_precision,
        **given,
    )
    run.callbacks = list(callbacks)
    torch.manual_seed(7)
    return run


def ran(stages: Sequence[Stage], *callbacks: Callback, **settings: object) -> Run:
    """A new run after these stages."""
    run = new_run(callbacks=callbacks, **settings)
    run_stages(run, stages)
    return run


def masks_of(run: Run) -> dict[str, Tensor]:
    """Copies of the masks."""
    return copied(run.model.masks())


def counts(run: Run) -> list[int]:
    """How many weights of each layer are kept."""
    return [int(mask.sum()) for mask in run.model.masks().values()]


def sizes(run: Run) -> list[int]:
    """How many weights each layer has."""
    return [mask.numel() for mask in run.model.masks().values()]
