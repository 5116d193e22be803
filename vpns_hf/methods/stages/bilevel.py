"""The search for a mask on two levels: the weights for the mask, and the mask for the weights that follow from it."""

from __future__ import annotations

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ...models import VPNsForImageClassification
from ...pruning import Pruner
from ...pruning.criteria import Criterion
from ...training import MAIN, OptimizerSpec, Run, Update
from .find_mask import FindMaskStage

SCORES = "scores"
LOWER = Update("prompted", prompted=True, stream=lambda data: data.prompted, trains=(MAIN,))
UPPER = Update("plain", prompted=False, stream=lambda data: data.plain, trains=(SCORES,))


class FindMaskBilevel(FindMaskStage):
    """Learns weights and prompt on one batch with the mask fixed, then the scores on another with the weights fixed.

    A weight follows its mask, so that the loss changes with the mask by dl/dm = (w - m g / gamma) g, g the gradient with
    respect to the masked weight; the scores get it with their sign. Source: Zhang et al., "Advancing Model Pruning via
    Bi-level Optimization", arXiv 2210.04092, section 4.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: of weights, normalisation and prompt.
        score_optimizer: of the scores; its rate falls to a tenth after 75% and to a hundredth after 90% of the epochs.
        criterion: gives the initial scores.
        sparsity: the fraction of prunable weights to remove, in [0, 1).
        pruner: which units go.
        gamma: curvature of the lower level, above 0.
    """

    updates = (LOWER, UPPER)

    def __init__(
        self,
        epochs: int,
        optimizer: OptimizerSpec,
        score_optimizer: OptimizerSpec,
        criterion: Criterion,
        sparsity: float,
        pruner: Pruner,
        gamma: float,
    ) -> None:
        super().__init__(epochs, optimizer, criterion, sparsity, pruner)
        self.score_optimizer, self.gamma = score_optimizer, gamma

    def build_optimizers(self, model: VPNsForImageClassification) -> dict[str, Optimizer]:
        model.requires_grad_(True)
        scores = self.mask.scores
        others = [entry for entry in model.backbone.parameters() if all(entry is not score for score in scores)]
        lower = self.optimizer.build(others, list(model.visual_prompt.parameters()))
        return {MAIN: lower, SCORES: self.score_optimizer.build(scores, [])}

    def build_schedule(self, name: str, optimizer: Optimizer) -> LRScheduler:
        if name == SCORES:
            return LambdaLR(optimizer, lambda done: in_steps(done / max(self.epochs, 1)))
        return super().build_schedule(name, optimizer)

    @torch.no_grad()
    def after_backward(self, run: Run, update: Update) -> None:
        """Adds to the gradient of the scores, w g with their sign, what comes of the weights that follow the mask."""
        if update is not UPPER:
            return
        scaler = run.accelerator.scaler
        share = 1 / self.gamma if scaler is None else 1 / (self.gamma * scaler.get_scale())
        for scores, squares in self.mask.squares():  # of m g, whose square is m g g
            scores.grad.addcmul_(scores.sign(), squares, value=-share)

    def after_update(self, run: Run) -> None:
        self.mask.follow_weights()
        super().after_update(run)


def in_steps(done: float) -> float:
    """Returns the factor of a learning rate after a fraction of the epochs."""
    return 1.0 if done < 0.75 else 0.1 if done < 0.9 else 0.01
