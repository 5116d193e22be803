"""VPNs: the mask and the visual prompt are learned together, then the weights and the prompt.

Source: Jin et al., "Visual Prompting Upgrades Neural Network Sparsification: A Data-Model Perspective",
arXiv 2312.01397, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpns_hf.label_mapping import LABEL_MAPPINGS
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training.optimizers import AdamSpec
from vpns_hf.training.stages import FindMaskStage, FitLabelMapping, Stage

from .finetune import finetune_stage
from .recalibration import recalibration_stages

if TYPE_CHECKING:
    from vpns_hf.training.arguments import VPNsTrainingArguments


def vpns_stages(args: VPNsTrainingArguments) -> list[Stage]:
    """Returns the stages: fit the label mapping, find the mask, fine-tune."""
    label_mapping = LABEL_MAPPINGS[args.label_mapping](args.seed)
    adam = AdamSpec(args.score_learning_rate, args.prompt_learning_rate, args.weight_decay)
    return [
        FitLabelMapping(label_mapping, scaled_weight),
        FindMaskStage(args.find_mask_epochs, adam, scaled_weight, label_mapping, args.mapping_interval),
        *recalibration_stages(args),
        finetune_stage(args),
    ]
