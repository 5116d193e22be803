"""Dense: fine-tuning only, nothing is removed. The reference the pruned models are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpns_hf.label_mapping import LABEL_MAPPINGS
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training.stages import FitLabelMapping, Stage

from .finetune import finetune_stage

if TYPE_CHECKING:
    from vpns_hf.training.arguments import VPNsTrainingArguments


def dense_stages(args: VPNsTrainingArguments) -> list[Stage]:
    """Returns the stages: fit the label mapping, fine-tune."""
    return [FitLabelMapping(LABEL_MAPPINGS[args.label_mapping](args.seed), scaled_weight), finetune_stage(args)]
