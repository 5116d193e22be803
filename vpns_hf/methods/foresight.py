"""What a method is going to leave, as far as it can be told before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from ..models import VPNsForImageClassification
from ..pruning import empty_layers
from ..pruning.criteria import ScoringContext
from ..training import Stage, TrainingStage
from .stages import FindMaskStage, Prune, StartFromMask


def check_stages(model: VPNsForImageClassification, stages: Sequence[Stage]) -> None:
    """Looks, before anything is trained, whether stages can do their work on a model; it is left as it is.

    Raises:
        InputError: if one cannot.
    """
    with ExitStack() as masked:
        for stage in stages:
            stage.check(model)
            if isinstance(stage, StartFromMask):
                masked.enter_context(stage.mask.applied(model))


def foreseen_empty_layers(model: VPNsForImageClassification, stages: Sequence[Stage]) -> list[str]:
    """Returns the layers that the first mask of a method leaves without a weight; the model is left as it is.

    Nothing is told of a mask that depends on images or on training, nor of one that takes its time: of several rounds, or
    found in the graph of the network, or on weights of another run. Which rows of the head are read, the label mapping
    tells later: their number counts here, not which they are.
    """
    start = next((stage.mask for stage in stages if isinstance(stage, StartFromMask)), None)
    if start is None:
        return _first_emptied(model, stages)
    if start.weights:
        return []
    with start.applied(model):
        return _first_emptied(model, stages)


def _first_emptied(model: VPNsForImageClassification, stages: Sequence[Stage]) -> list[str]:
    for stage in stages:
        if isinstance(stage, FindMaskStage):
            return _emptied(model, stage, stage.sparsity, seed=0)
        if isinstance(stage, Prune):
            takes_time = stage.images_per_class or stage.suits is not None or len(stage.sparsities) > 1
            return [] if takes_time else _emptied(model, stage, stage.sparsities[0], stage.seed)
        if isinstance(stage, TrainingStage):
            return []
    return []


def _emptied(model: VPNsForImageClassification, stage: FindMaskStage | Prune, sparsity: float, seed: int) -> list[str]:
    known = empty_layers(model)
    with stage.pruner.applied(model, stage.criterion(ScoringContext(model, seed=seed)), sparsity):
        return [name for name in empty_layers(model) if name not in known]
