"""What a method is going to leave, as far as it can be told before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from ..models import VPNsForImageClassification
from ..pruning import empty_layers
from ..pruning.criteria import ScoringContext
from ..training import Stage, TrainingStage
from .stages import FindMaskStage, Prune


def foreseen_empty_layers(model: VPNsForImageClassification, stages: Sequence[Stage]) -> list[str]:
    """Returns the layers that the first mask of a method leaves without a weight; the model is left as it is.

    Nothing is told of a mask that depends on images or on training. Which rows of the head are read, the label mapping
    tells later: their number counts here, not which they are.
    """
    for stage in stages:
        if isinstance(stage, FindMaskStage):
            return _emptied(model, stage, stage.sparsity, seed=0)
        if isinstance(stage, Prune):
            return [] if stage.images_per_class else _emptied(model, stage, stage.sparsities[-1], stage.seed)
        if isinstance(stage, TrainingStage):
            return []
    return []


def _emptied(model: VPNsForImageClassification, stage: FindMaskStage | Prune, sparsity: float, seed: int) -> list[str]:
    known = empty_layers(model)
    with stage.pruner.applied(model, stage.criterion(ScoringContext(model, seed=seed)), sparsity):
        return [name for name in empty_layers(model) if name not in known]
