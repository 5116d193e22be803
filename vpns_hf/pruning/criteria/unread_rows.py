"""Rows of the head that no target class reads: they go before all other weights."""

from __future__ import annotations

import math

import torch

from ...models import VPNsForImageClassification
from .base import Criterion, Scores, ScoringContext


def unread_rows_last(criterion: Criterion) -> Criterion:
    """Returns a criterion that ranks as `criterion` does, and head rows outside of the label mapping below everything.

    Nothing that is measured depends on these rows, while each criterion ranks them in a way of its own: 990 of 1000 for
    ten classes. Scores that are learned from there start at 0 and stay there. A network whose head is no masked layer is
    ranked as it is.
    """

    def ranked(context: ScoringContext) -> Scores:
        scores = criterion(context)
        for head in _heads(context.model) & scores.by_layer.keys():
            rows = scores.by_layer[head]
            unread = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
            unread[context.model.label_mapping] = False
            rows[unread] = -math.inf
        return scores

    return ranked


def _heads(model: VPNsForImageClassification) -> set[str]:
    try:
        return set(model.head_names())
    except ValueError:
        return set()
