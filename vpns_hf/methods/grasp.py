"""GraSP: the weights that the norm of the gradient needs stay, then fine-tuning.

Source: Wang et al., "Picking Winning Tickets Before Training by Preserving Gradient Flow", arXiv 2002.07376, section 4.
"""

from __future__ import annotations

from ..pruning.criteria import grasp
from ..training import Stage
from .options import StageOptions, Task
from .parts import pruned_stages

READS = 4  # a gradient, and one through a gradient, which takes about three


def grasp_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, score on class-balanced images and prune, fine-tune."""
    return pruned_stages(options, task, grasp, reads=READS)
