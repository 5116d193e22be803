"""Fine-tuning in which the mask of a pattern follows the weights."""

from __future__ import annotations

from typing import Any

from ...pruning import FollowingMask, NOfM
from ...training import Run, Update
from .finetune import FineTuneStage


class FineTuneBySrSte(FineTuneStage):
    """Fine-tunes as `FineTuneStage` does, with the masks of `FollowingMask` chosen anew after every update.

    Args:
        settings: as in `FineTuneStage`.
        pattern: N and M.
        decay: lambda, of the pruned weights.
    """

    def __init__(self, *settings: Any, pattern: NOfM, decay: float) -> None:
        super().__init__(*settings)
        self.pattern, self.decay = pattern, decay

    def begin(self, run: Run) -> None:
        self.mask = FollowingMask(run.model, self.pattern, self.decay)

    def after_backward(self, run: Run, update: Update) -> None:
        scaler = run.accelerator.scaler
        self.mask.decay(1.0 if scaler is None else scaler.get_scale())

    def after_update(self, run: Run) -> None:
        self.mask.update()

    def finish(self, run: Run) -> None:
        self.mask.finish()
        super().finish(run)
