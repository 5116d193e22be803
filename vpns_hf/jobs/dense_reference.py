"""What the pruned models of a job are compared with: the dense model, by default tuned on as many passes as they had."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..data import Splits
from ..methods import DENSE_PASSES, METHODS, Task, passes_of, reference_stages
from ..pruning import StartingMask
from ..training import Stage
from .arguments import VPNsTrainingArguments


def fitting_reference(passes: float, references: Sequence[float]) -> float:
    """Returns the passes of the dense reference that a run is compared with: the fewest that are not fewer than its own."""
    return min((each for each in references if each >= passes), default=references[0])


def references_of(args: VPNsTrainingArguments, task: Callable[[float], Task]) -> dict[float, list[Stage]]:
    """Returns {passes: stages} of the dense references, in the order of the sparsities that are compared with them.

    Args:
        args: of the job.
        task: gives that of a sparsity.
    """
    if not args.dense_reference:
        return {}
    runs = [passes_of(METHODS[args.method].stages(args, task(sparsity))).total for sparsity in args.sparsities]
    made = [reference_stages(args, DENSE_PASSES[args.dense_passes](args, passes)) for passes in runs]
    return {passes_of(stages).total: stages for stages in made}


def task_of(sparsity: float, splits: Splits, batch_size: int, start: StartingMask | None) -> Task:
    """Returns what a method is to do for a sparsity.

    Args:
        sparsity: that is asked for.
        splits: of the job.
        batch_size: images per update over all processes together.
        start: the mask of another run to start from; None for none.
    """
    images = len(splits.train)
    return Task(sparsity, images, len(splits.class_names), start, math.ceil(images / batch_size))
