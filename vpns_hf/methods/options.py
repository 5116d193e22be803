"""What the stages of methods can be told: one dataclass for each, which the arguments of a job inherit."""

from __future__ import annotations

from dataclasses import dataclass

from ..label_mapping import LABEL_MAPPINGS
from ..utils.options import COUNT, COUNT_OR_NONE, RATE, Range, option


@dataclass
class LabelMappingOptions:
    """Of fitting the label mapping."""

    label_mapping: str = option(
        "frequency",
        f"How source classes become target classes: {', '.join(LABEL_MAPPINGS)}.",
        choices=LABEL_MAPPINGS,
    )
    mapping_interval: int = option(
        1, "Epochs of the mask search between two fits of the iterative label mapping.", range=COUNT
    )
    seed: int = option(7, "Seed of everything random; every sparsity starts from it anew.", range=Range(0, 2**32 - 1))


@dataclass
class OptimizerOptions:
    """Of every optimiser."""

    momentum: float = option(0.9, "SGD momentum.", range=Range(0, 1, open_at=(1,)))
    weight_decay: float = option(1e-4, "Weight decay (L2, added to the gradient) of every optimiser.", range=RATE)


@dataclass
class PretrainOptions(OptimizerOptions):
    """Of the dense training before anything is pruned."""

    pretrain_epochs: int = option(0, "Epochs of dense training before anything is pruned.", range=COUNT_OR_NONE)
    pretrain_learning_rate: float = option(0.05, "SGD learning rate of the dense training.", range=RATE)


@dataclass
class FindMaskOptions(OptimizerOptions):
    """Of the mask search."""

    find_mask_epochs: int = option(30, "Epochs of the mask search.", range=COUNT_OR_NONE)
    score_learning_rate: float = option(1e-4, "Adam learning rate of the scores in the mask search.", range=RATE)
    prompt_learning_rate: float = option(
        1e-4, "Adam learning rate of the visual prompt in the mask search.", range=RATE
    )


@dataclass
class FineTuneOptions(OptimizerOptions):
    """Of fine-tuning with the mask fixed."""

    finetune_epochs: int = option(30, "Epochs of fine-tuning with the mask fixed.", range=COUNT_OR_NONE)
    learning_rate: float = option(0.01, "SGD learning rate of the weights in fine-tuning.", range=RATE)
    prompt_finetune_learning_rate: float = option(
        0.01, "SGD learning rate of the visual prompt in fine-tuning.", range=RATE
    )


@dataclass
class RecalibrationOptions:
    """Of estimating running statistics anew."""

    bn_recalibration: int = option(
        0,
        "Batches of each view to estimate the running statistics of batch norm with, once the mask is found; 0: none.",
        range=COUNT_OR_NONE,
    )


@dataclass
class MethodOptions(RecalibrationOptions, FineTuneOptions, FindMaskOptions, PretrainOptions, LabelMappingOptions):
    """What a method may choose from; defaults are the paper's (VPNs, arXiv 2312.01397, section 4)."""
