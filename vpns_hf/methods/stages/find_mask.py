"""The search for a mask: its scores are learned together with the visual prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ...label_mapping import LabelMapping
from ...models import VPNsForImageClassification
from ...pruning import Pruner
from ...pruning.criteria import Criterion
from ...training import OptimizerSpec, Run, TrainingStage
from .emptied import warn_of_empty_layers
from .label_mapping import fit_label_mapping
from .scoring import scoring_context


class FindMaskStage(TrainingStage):
    """Learns the scores, hence the mask, together with the visual prompt; weights stay, running statistics move.

    Args:
        epochs: as in `TrainingStage`.
        optimizer: as in `TrainingStage`.
        criterion: gives the initial scores.
        sparsity: the fraction of prunable weights to remove, in [0, 1).
        pruner: which units go.
        label_mapping: fitted again every `mapping_interval` epochs if it repeats; None leaves the map as it is.
        mapping_interval: in epochs.
    """

    name = "find_mask"

    def __init__(
        self,
        epochs: int,
        optimizer: OptimizerSpec,
        criterion: Criterion,
        sparsity: float,
        pruner: Pruner | None = None,
        label_mapping: LabelMapping | None = None,
        mapping_interval: int = 1,
    ) -> None:
        super().__init__(epochs, optimizer)
        self.criterion, self.sparsity, self.pruner = criterion, sparsity, pruner or Pruner()
        self.label_mapping = label_mapping
        self.mapping_interval = mapping_interval

    def check(self, model: VPNsForImageClassification) -> None:
        self.pruner.check(model, self.sparsity)

    def begin(self, run: Run) -> None:
        self.mask = self.pruner.learn(run.model, self.criterion(scoring_context(run)), self.sparsity)
        self.mask.update()
        self._empty = warn_of_empty_layers(run.model, self.sparsity)

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return self.mask.scores

    @property
    def mapping_fits(self) -> int:
        """How often the label mapping is fitted again."""
        return sum(self._refits_before(epoch) for epoch in range(1, self.epochs + 1))

    def before_epoch(self, run: Run, epoch: int) -> None:
        if self._refits_before(epoch):
            fit_label_mapping(run, self.label_mapping)

    def _refits_before(self, epoch: int) -> bool:
        repeats = self.label_mapping is not None and self.label_mapping.repeats
        return repeats and epoch > 1 and (epoch - 1) % self.mapping_interval == 0

    def after_update(self, run: Run) -> None:
        self.mask.update()

    def finish(self, run: Run) -> None:
        self.mask.finish()
        warn_of_empty_layers(run.model, self.sparsity, self._empty)

    def state_dict(self) -> dict[str, Any]:
        return {"scores": [scores.detach() for scores in self.mask.scores], "gone": self.mask.gone}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        # What is masked halfway may come back; what was masked before the search may not.
        self.mask.gone = [
            gone.to(scores.device) for gone, scores in zip(state["gone"], self.mask.scores, strict=False)
        ]
        with torch.no_grad():
            for scores, saved in zip(self.mask.scores, state["scores"], strict=True):
                scores.copy_(saved)
        self.mask.update()  # threshold, masks and masked weights follow from the scores alone
