"""OMP: one-shot magnitude pruning of the pre-trained weights, then fine-tuning.

Source: Han et al., "Learning both weights and connections for efficient neural networks", arXiv 1506.02626, section 3.
"""

from __future__ import annotations

from ..pruning.criteria import magnitude
from ..training import Stage
from .options import StageOptions, Task
from .parts import pruned_stages


def omp_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, prune, fine-tune."""
    return pruned_stages(options, task, magnitude)
