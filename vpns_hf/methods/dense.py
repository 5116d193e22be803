"""Dense: fine-tuning only, nothing is removed. The reference the pruned models are compared with."""

from __future__ import annotations

from ..label_mapping import LABEL_MAPPINGS
from ..pruning.criteria import scaled_weight
from ..training import Stage
from .options import MethodOptions
from .stages import FineTuneStage, FitLabelMapping


def dense_stages(options: MethodOptions) -> list[Stage]:
    """Returns the stages: fit the label mapping, fine-tune."""
    label_mapping = LABEL_MAPPINGS[options.label_mapping](options.seed)
    return [FitLabelMapping(label_mapping, scaled_weight), FineTuneStage.of(options)]
