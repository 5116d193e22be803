"""What the pruned models of a job are compared with: the dense model, by default tuned on as many passes as they had."""

from __future__ import annotations

from collections.abc import Callable

from ..methods import DENSE_PASSES, METHODS, Task, passes_of, reference_stages
from ..training import Stage
from .arguments import VPNsTrainingArguments


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
