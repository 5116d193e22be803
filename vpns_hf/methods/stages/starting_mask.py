"""Starting from the mask of another run, to prune further or to fine-tune only."""

from __future__ import annotations

from ...models import VPNsForImageClassification
from ...pruning import StartingMask
from ...training import ModelStage, Run


class StartFromMask(ModelStage):
    """Takes over a mask, before anything else; visual prompt and label mapping begin anew.

    Args:
        mask: of another run.
    """

    name = "init_mask"

    def __init__(self, mask: StartingMask) -> None:
        self.mask = mask

    def check(self, model: VPNsForImageClassification) -> None:
        self.mask.check(model)

    def apply(self, run: Run) -> None:
        self.mask.apply(run.model)
