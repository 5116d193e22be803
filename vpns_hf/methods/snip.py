"""SNIP: the weights whose loss the data would feel most stay, then fine-tuning.

Source: Lee et al., "SNIP: Single-shot Network Pruning based on Connection Sensitivity", arXiv 1810.02340, section 4.
"""

from __future__ import annotations

from ..pruning.criteria import snip
from ..training import Stage
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking
from .stages import FineTuneStage, Prune, RecalibrateBatchNorm


def snip_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, score on class-balanced images and prune, fine-tune."""
    images = options.score_images_per_class
    prune = Prune(
        ranking(options, snip),
        pruner_of(options),
        [task.sparsity],
        seed=options.seed,
        images_per_class=images,
        share=min(images * task.classes / task.images, 1.0),
    )
    before = [fit_mapping(options, task), prune, *RecalibrateBatchNorm.of(options)]
    return [*before, FineTuneStage.of(options, before)]
