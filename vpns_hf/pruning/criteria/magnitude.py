"""The magnitude of the weight."""

from __future__ import annotations

import torch

from .base import Scores, ScoringContext


def magnitude(context: ScoringContext) -> Scores:
    """Returns w, float32 or better, ranked by magnitude.

    Source: Han et al., "Learning both weights and connections", arXiv 1506.02626, section 3.
    """
    layers = context.model.masked_layers().items()
    return Scores(
        {name: layer.masked().to(torch.promote_types(layer.weight.dtype, torch.float32)) for name, layer in layers}
    )
