"""Fitting the label mapping to what the network takes the training images for."""

from __future__ import annotations

import torch
from torch import Tensor

from ...label_mapping import LabelMapping
from ...models import class_names
from ...pruning import Pruner
from ...pruning.criteria import scaled_weight
from ...training import ModelStage, Run, predictions
from .scoring import scoring_context


class FitLabelMapping(ModelStage):
    """Fits the label mapping with the initial prompt; nothing else of it stays.

    Args:
        label_mapping: to fit.
        masked_at: the sparsity of the mask under which it is fitted, that of the initial scores over all layers together,
            whatever the method; None for the network as it is.

    Source: VPNs, arXiv 2312.01397; its released code fits the map on the network the mask search starts from.
    """

    name = "label_mapping"

    def __init__(self, label_mapping: LabelMapping, masked_at: float | None = None) -> None:
        self.label_mapping = label_mapping
        self.masked_at = masked_at

    @property
    def mapping_fits(self) -> int:
        return 1

    def apply(self, run: Run) -> None:
        if self.masked_at is None:
            fit_label_mapping(run, self.label_mapping)
            return
        scores = scaled_weight(scoring_context(run))
        with Pruner().applied(run.model, scores, self.masked_at):
            fit_label_mapping(run, self.label_mapping)


def fit_label_mapping(run: Run, label_mapping: LabelMapping) -> None:
    """Sets the label mapping of the model, fitted on the prompted training images in evaluation mode."""
    source, target = class_names(run.model.backbone.config), class_names(run.model.config)
    fitted = label_mapping.fit(lambda: count_predictions(run), source, target)
    run.model.label_mapping.copy_(fitted)


def count_predictions(run: Run) -> Tensor:
    """Counts, over all processes, how often images of each target class are taken for each source class.

    Returns:
        (S, T) int64.
    """
    num_source, num_target = run.model.backbone.config.num_labels, run.model.config.num_labels
    counts = torch.zeros(num_source * num_target, dtype=torch.int64, device=run.accelerator.device)
    for batch, logits in predictions(
        run.model, run.watched(run.data.mapping), run.accelerator, prompted=True, source=True
    ):
        cells = logits.argmax(1) * num_target + batch.labels
        cells = cells if batch.valid is None else cells[batch.valid]
        counts += torch.bincount(cells, minlength=num_source * num_target)
    return run.accelerator.reduce(counts, "sum").view(num_source, num_target)
