"""What criteria see of a run."""

from __future__ import annotations

from functools import partial

from ...pruning.criteria import ScoringContext
from ...training import Run


def scoring_context(run: Run, seed: int = 0, images_per_class: int = 0) -> ScoringContext:
    """Returns what a criterion may look at.

    Args:
        run: with the model as it is.
        seed: of everything random.
        images_per_class: that a criterion may read; 0 for none.
    """

    def batches() -> list:
        return run.watched(run.data.balanced(images_per_class)) if images_per_class else []

    return ScoringContext(run.model, batches, partial(run.accelerator.reduce, reduction="sum"), seed)
