"""Accuracy of both views, every image counted once over all processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from .. import metrics as measures
from ..data import Batch
from ..models import VPNsForImageClassification
from ..reporting import ViewAccuracy

RANKS = 5


@dataclass(frozen=True)
class Evaluation:
    """Top-1 and top-5 accuracy of both views, fractions in [0, 1]; no top-5 of five classes or fewer, which is always 1."""

    accuracy: ViewAccuracy
    top5: ViewAccuracy


def evaluate_views(
    model: VPNsForImageClassification, batches: Iterable[Batch], accelerator: Accelerator
) -> Evaluation:
    """Measures the accuracy with and without the prompt; all processes take part and get the same result.

    A model without a visual prompt has no prompted accuracy. The model is left in the mode it was in.
    """
    names = ("prompted", "plain") if model.has_prompt else ("plain",)
    views = {name: _measure(model, batches, accelerator, name == "prompted") for name in names}
    ranked = views if len(model.label_mapping) > RANKS else {}
    return Evaluation(
        accuracy=ViewAccuracy(**{name: view["accuracy"] for name, view in views.items()}),
        top5=ViewAccuracy(**{name: view["top5_accuracy"] for name, view in ranked.items()}),
    )


def _measure(
    model: VPNsForImageClassification, batches: Iterable[Batch], accelerator: Accelerator, prompted: bool
) -> dict[str, float]:
    metrics = [metric() for metric in measures.METRICS.values()]
    for batch, logits in predictions(model, batches, accelerator, prompted):
        ranked = logits.topk(min(RANKS, logits.shape[1]), dim=1).indices
        ranked, labels = gather_valid(accelerator, batch, ranked)
        for metric in metrics:
            metric.add_batch(predictions=ranked.cpu().numpy(), references=labels.cpu().numpy())
    results: dict[str, float] = {}
    for metric in metrics:
        results.update(metric.compute())
    return results


@torch.no_grad()
def predictions(
    model: VPNsForImageClassification,
    batches: Iterable[Batch],
    accelerator: Accelerator,
    prompted: bool,
    source: bool = False,
) -> Iterable[tuple[Batch, Tensor]]:
    """Yields each of this process's batches with its float32 logits, in evaluation mode.

    Args:
        prompted: whether to apply the visual prompt.
        source: whether to give the logits of the source classes rather than the mapped ones.
    """
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            with accelerator.autocast():
                logits = model.source_logits(batch.pixel_values, prompted)
            yield batch, (logits if source else logits.index_select(1, model.label_mapping)).float()
    finally:
        model.train(was_training)


def gather_valid(accelerator: Accelerator, batch: Batch, *values: Tensor) -> list[Tensor]:
    """Gathers `values` and the labels over the processes, without the rows that only fill up a share."""
    valid = torch.ones_like(batch.labels, dtype=torch.bool) if batch.valid is None else batch.valid
    gathered = accelerator.gather((*values, batch.labels, valid))
    return [value[gathered[-1]] for value in gathered[:-1]]
