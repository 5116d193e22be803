"""VPNs: the mask and the visual prompt are learned together, then the weights and the prompt.

Source: Jin et al., "Visual Prompting Upgrades Neural Network Sparsification: A Data-Model Perspective",
arXiv 2312.01397, section 3.
"""

from __future__ import annotations

from ..label_mapping import LABEL_MAPPINGS
from ..pruning.criteria import scaled_weight
from ..training import AdamSpec, Stage
from .options import MethodOptions
from .stages import FindMaskStage, FineTuneStage, FitLabelMapping, RecalibrateBatchNorm


def vpns_stages(options: MethodOptions) -> list[Stage]:
    """Returns the stages: fit the label mapping, find the mask, recalibrate where asked for, fine-tune."""
    label_mapping = LABEL_MAPPINGS[options.label_mapping](options.seed)
    adam = AdamSpec(options.score_learning_rate, options.prompt_learning_rate, options.weight_decay)
    return [
        FitLabelMapping(label_mapping, scaled_weight),
        FindMaskStage(options.find_mask_epochs, adam, scaled_weight, label_mapping, options.mapping_interval),
        *RecalibrateBatchNorm.of(options),
        FineTuneStage.of(options),
    ]
