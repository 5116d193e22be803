"""VPNs: the mask and the visual prompt are learned together, then the weights and the prompt.

Source: Jin et al., "Visual Prompting Upgrades Neural Network Sparsification: A Data-Model Perspective",
arXiv 2312.01397, section 3.
"""

from __future__ import annotations

from ..pruning.criteria import scaled_weight
from ..training import AdamSpec, Stage
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import FindMaskStage


def vpns_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, find the mask, recalibrate where asked for, fine-tune."""
    fit = fit_mapping(options, task)
    search = FindMaskStage(
        options.find_mask_epochs,
        AdamSpec(options.score_learning_rate, options.prompt_learning_rate, options.weight_decay),
        ranking(options, scaled_weight),
        task.sparsity,
        pruner_of(options),
        fit.label_mapping,
        options.mapping_interval,
    )
    return tuned(options, [fit, search])
