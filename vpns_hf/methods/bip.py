"""BiP: mask and weights are learned in turn, each for the other, then the weights.

Source: Zhang et al., "Advancing Model Pruning via Bi-level Optimization", arXiv 2210.04092, section 4. The released code
adds the squared gradient of the scores in the place of the implicit gradient; this follows the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..pruning.criteria import magnitude
from ..training import SGDSpec, Stage
from ..utils.options import RATE, Range, option
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import FindMaskBilevel


@dataclass
class BipOptions:
    """Of BiP alone."""

    bip_gamma: float = option(
        1e4,
        "Curvature that the search takes the loss to have in the weights; the higher, the less they follow the mask.",
        range=Range(0, math.inf, open_at=(0,)),
    )
    bip_learning_rate: float = option(0.1, "SGD learning rate of weights and visual prompt in the search.", range=RATE)
    bip_score_learning_rate: float = option(0.1, "SGD learning rate of the scores in the search.", range=RATE)


def bip_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, learn mask and weights in turn, fine-tune these weights."""
    rate = options.bip_learning_rate
    search = FindMaskBilevel(
        options.find_mask_epochs,
        SGDSpec(rate, rate, options.momentum, options.weight_decay),
        SGDSpec(options.bip_score_learning_rate, 0.0, options.momentum, 0.0),
        ranking(options, magnitude),
        task.sparsity,
        pruner_of(options),
        options.bip_gamma,
    )
    return tuned(options, [fit_mapping(options, task), search])


def unused_by_bip(options: BipOptions) -> list[str]:
    """Returns the names of options of the mask search that BiP has others for, or no use for."""
    return ["score_learning_rate", "prompt_learning_rate", "mapping_interval"]
