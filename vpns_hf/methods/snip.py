"""SNIP: the weights whose loss the data would feel most stay, then fine-tuning.

Source: Lee et al., "SNIP: Single-shot Network Pruning based on Connection Sensitivity", arXiv 1810.02340, section 4.
"""

from __future__ import annotations

from ..pruning.criteria import snip
from ..training import Stage
from .options import StageOptions, Task
from .parts import pruned_stages


def snip_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, score on class-balanced images and prune, fine-tune."""
    return pruned_stages(options, task, snip, reads=1)
