"""HYDRA: the mask alone is learned, without a prompt, then the weights.

Source: Sehwag et al., "HYDRA: Pruning Adversarially Robust Neural Networks", arXiv 2002.10509, section 3, in the setting
VPNs compares with: all layers ranked together, Adam, normalisation frozen while its statistics move.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from ..models import VPNsForImageClassification
from ..pruning.criteria import scaled_weight
from ..training import PLAIN, AdamSpec, SGDSpec, Stage, Update, normalisation_layers
from ..utils.options import option
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import FindMaskStage

UPRIGHT = Update("plain", prompted=False, stream=lambda data: data.prompted)
ORIGINAL_RATE, ORIGINAL_MOMENTUM = 0.1, 0.9


@dataclass
class HydraOptions:
    """Of HYDRA alone."""

    hydra_original: bool = option(
        False,
        "The search of the HYDRA paper: each layer ranked by itself, SGD of 0.1 with momentum 0.9, batch norm trained.",
    )


class FindMaskUnprompted(FindMaskStage):
    """The mask search on the same images, never prompted."""

    updates = (UPRIGHT, PLAIN)


class FindMaskAsHydra(FindMaskUnprompted):
    """The same with batch norm trained beside the scores."""

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        affine = [entry for layer in normalisation_layers(model) for entry in layer.parameters()]
        return [*super().parameters(model), *affine]


def hydra_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, find the mask without a prompt, fine-tune."""
    return tuned(options, [fit_mapping(options, task), _search(options, task)])


def unused_by_hydra(options: HydraOptions) -> list[str]:
    """Returns the names of options of the mask search and of ranking that HYDRA has no use for."""
    of_the_search = ["prompt_learning_rate", "mapping_interval"]
    return [*of_the_search, "scope", "score_learning_rate"] if options.hydra_original else of_the_search


def _search(options: StageOptions, task: Task) -> FindMaskStage:
    criterion, epochs = ranking(options, scaled_weight), options.find_mask_epochs
    if options.hydra_original:
        sgd = SGDSpec(ORIGINAL_RATE, 0.0, ORIGINAL_MOMENTUM, options.weight_decay)
        return FindMaskAsHydra(epochs, sgd, criterion, task.sparsity, pruner_of(options, "layer"))
    adam = AdamSpec(options.score_learning_rate, 0.0, options.weight_decay)
    return FindMaskUnprompted(epochs, adam, criterion, task.sparsity, pruner_of(options))
