"""The fine-tuning stage every method ends with, so that all are compared at equal passes over the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpns_hf.training.optimizers import SGDSpec
from vpns_hf.training.stages import FineTuneStage

if TYPE_CHECKING:
    from vpns_hf.training.arguments import VPNsTrainingArguments


def finetune_stage(args: VPNsTrainingArguments) -> FineTuneStage:
    """Returns the fine-tuning stage of `args`."""
    sgd = SGDSpec(args.learning_rate, args.prompt_finetune_learning_rate, args.momentum, args.weight_decay)
    return FineTuneStage(args.finetune_epochs, sgd)
