"""Batch norm between finding a mask and fine-tuning with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpns_hf.training.recalibration import RecalibrateBatchNorm
from vpns_hf.training.stages import Stage

if TYPE_CHECKING:
    from vpns_hf.training.arguments import VPNsTrainingArguments


def recalibration_stages(args: VPNsTrainingArguments) -> list[Stage]:
    """Returns the stage that estimates running statistics anew, if one is asked for."""
    return [RecalibrateBatchNorm(args.bn_recalibration)] if args.bn_recalibration else []
