"""Connection sensitivity: how much the loss would feel a weight go."""

from __future__ import annotations

from .base import Scores, ScoringContext
from .gradients import mean_gradients


def snip(context: ScoringContext) -> Scores:
    """Returns w * m * dL/d(w * m), ranked by magnitude; the absolute value is taken after the sum over images.

    Source: Lee et al., "SNIP", arXiv 1810.02340, section 4.1; biases are not pruned here.
    """
    layers = context.model.masked_layers()
    return Scores(
        {name: gradient.mul_(layers[name].weight.detach()) for name, gradient in mean_gradients(context).items()}
    )
