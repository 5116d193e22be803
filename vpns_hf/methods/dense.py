"""Dense: fine-tuning only, nothing is removed. The reference the pruned models are compared with."""

from __future__ import annotations

from ..training import Stage
from .options import StageOptions, Task
from .parts import label_mapping_of
from .stages import FineTuneStage, FitLabelMapping


def dense_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, fine-tune."""
    return [FitLabelMapping(label_mapping_of(options)), FineTuneStage.of(options)]


def reference_stages(options: StageOptions, passes: float) -> list[Stage]:
    """Returns the same stages with at least as many passes over the training images."""
    return [FitLabelMapping(label_mapping_of(options)), FineTuneStage.to_match(options, passes)]
