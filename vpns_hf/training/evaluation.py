"""Accuracy of both views, every image counted once over all processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from .. import metrics as measures
from ..data import Batch
from ..errors import InputError
from ..models import VPNsForImageClassification
from ..reporting import Predictions, ViewAccuracy

RANKS = 5
CORRECT = "correct"


@dataclass(frozen=True)
class Evaluation:
    """What was measured of both views.

    Attributes:
        accuracy: top-1, in [0, 1].
        top5: top-5, in [0, 1]; None of five classes or fewer, where it is always 1.
        predictions: which images are classified rightly, in the order of the batches.
    """

    accuracy: ViewAccuracy
    top5: ViewAccuracy
    predictions: Predictions = field(default_factory=Predictions)


def evaluate_views(
    model: VPNsForImageClassification, batches: Iterable[Batch], accelerator: Accelerator
) -> Evaluation:
    """Measures the accuracy with and without the prompt; all processes take part and get the same result.

    A model without a visual prompt has no prompted accuracy. The model is left in the mode it was in.

    Raises:
        InputError: if it answers an image by NaN, which any ranking would count as a guess.
    """
    names = ("prompted", "plain") if model.has_prompt else ("plain",)
    views = {name: _measure(model, batches, accelerator, name == "prompted") for name in names}
    ranked = views if len(model.label_mapping) > RANKS else {}
    return Evaluation(
        accuracy=ViewAccuracy(**{name: view["accuracy"] for name, view in views.items()}),
        top5=ViewAccuracy(**{name: view["top5_accuracy"] for name, view in ranked.items()}),
        predictions=Predictions({name: view[CORRECT] for name, view in views.items()}),
    )


def _measure(
    model: VPNsForImageClassification, batches: Iterable[Batch], accelerator: Accelerator, prompted: bool
) -> dict[str, Any]:
    metrics, correct = [metric() for metric in measures.METRICS.values()], []
    for batch, logits in predictions(model, batches, accelerator, prompted):
        ranked = logits.topk(min(RANKS, logits.shape[1]), dim=1).indices
        ranked, unanswered, labels = gather_valid(accelerator, batch, ranked, logits.isnan().any(1))
        if unanswered.any():  # whose ranking is that of nothing
            raise InputError(
                f"the network answers {int(unanswered.sum())} of {len(labels)} images by NaN: training diverged; lower the learning rates"
            )
        correct.append((ranked[:, 0] == labels).cpu().numpy())
        for metric in metrics:
            metric.add_batch(predictions=ranked.cpu().numpy(), references=labels.cpu().numpy())
    results: dict[str, Any] = {CORRECT: np.concatenate(correct)}
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
    """Gathers `values` and the labels over the processes, in the order of the split, without the rows that only fill up a share."""
    valid = torch.ones_like(batch.labels, dtype=torch.bool) if batch.valid is None else batch.valid
    gathered = [_in_order(value, len(valid)) for value in accelerator.gather((*values, batch.labels, valid))]
    return [value[gathered[-1]] for value in gathered[:-1]]


def _in_order(gathered: Tensor, share: int) -> Tensor:
    """Returns rows of which each process gave every P-th, one process after the other, as they follow in the split."""
    return gathered.unflatten(0, (-1, share)).transpose(0, 1).flatten(0, 1)
