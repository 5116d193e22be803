"""What is recorded of one pruned model, and of the job it belongs to."""

from __future__ import annotations

import logging

from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.report import effective_density, empty_layers, layer_records
from vpns_hf.reporting import RunResult, share_of_waiting, sparsity_name

from .arguments import VPNsTrainingArguments
from .cost import measure_cost_once
from .evaluation import Evaluation
from .run import Run

logger = logging.getLogger(__name__)

PROTOCOLS = {
    False: "A validation split chose the epoch and whether the prompt is applied; the test split was read once, at the end.",
    True: "The paper's: all of train, the last epoch, no validation split; the accuracy without the prompt is comparable.",
}


def run_result(run: Run, evaluation: Evaluation, args: VPNsTrainingArguments, split: str) -> RunResult:
    """Returns the record of a finished run.

    Args:
        run: of one sparsity.
        evaluation: of its model.
        args: of the job.
        split: what the evaluated split is called.
    """
    model = run.model
    layers = layer_records(model)
    return RunResult(
        method=args.method,
        granularity=args.granularity,
        seed=args.seed,
        sparsity_requested=run.sparsity,
        sparsity=model.sparsity,
        accuracy=evaluation.accuracy,
        top5=evaluation.top5,
        split=split,
        nonzero=sum(layer.nonzero for layer in layers),
        total=sum(layer.total for layer in layers),
        seconds=run.seconds,
        path=sparsity_name(run.sparsity),
        validation=run.selection.validation,
        prompt_at_inference=model.config.prompt_at_inference,
        effective_density=effective_density(model),
        epoch=run.selection.epoch,
        history=run.history,
        layers=layers,
        cost=measure_cost_once(model, run.accelerator),
        waiting=share_of_waiting(run.history),
    )


def choose_view(run: Run) -> None:
    """Lets the validation split decide whether the saved model applies its prompt; the paper does not apply it."""
    validation = run.selection.validation
    prompted = validation.prompted if validation is not None else None
    run.model.config.prompt_at_inference = prompted is not None and prompted > validation.plain
    run.model.requires_grad_(True)
    run.model.eval()


def warn_of_empty_layers(model: VPNsForImageClassification, sparsity: float) -> None:
    """Says which layers have no weight left."""
    empty = empty_layers(model)
    if empty:
        logger.warning(
            "at sparsity %g no weight is left in %s: nothing of the picture passes through; ask for a lower sparsity",
            sparsity,
            ", ".join(empty),
        )
