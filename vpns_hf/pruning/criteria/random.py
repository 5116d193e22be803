"""A seeded ranking that knows nothing: the least a criterion has to beat."""

from __future__ import annotations

import torch

from .base import Scores, ScoringContext
from .pooling import First


def random(context: ScoringContext) -> Scores:
    """Returns uniform scores in [0, 1), float32, of which a unit has one; they depend on the seed alone, so masks are nested."""
    generator = torch.Generator().manual_seed(context.seed)
    scores = {
        name: torch.rand(layer.weight.shape, generator=generator).to(layer.weight.device)
        for name, layer in context.model.masked_layers().items()
    }
    return Scores(scores, pooling=First())
