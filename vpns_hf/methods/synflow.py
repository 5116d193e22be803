"""SynFlow: rounds that remove the weights through which least flows, without data, then fine-tuning.

Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow",
arXiv 2006.05467, section 6.
"""

from __future__ import annotations

from ..pruning.criteria import check_homogeneous, synflow
from ..training import Stage
from .options import StageOptions, Task
from .parts import Schedule, pruned_stages

SCHEDULE = Schedule("geometric", rounds=100)  # as in the paper


def synflow_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, the rounds of scoring and pruning, fine-tune."""
    return pruned_stages(options, task, synflow, SCHEDULE, suits=check_homogeneous)
