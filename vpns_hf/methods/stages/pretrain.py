"""Dense training before anything is pruned."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ...models import VPNsForImageClassification
from ...training import PLAIN, SGDSpec, TrainingStage
from ..options import PretrainOptions


class PretrainStage(TrainingStage):
    """Trains the dense backbone alone, on plain pictures."""

    name = "pretrain"
    updates = (PLAIN,)

    @classmethod
    def of(cls, options: PretrainOptions) -> PretrainStage:
        """Returns the stage as it is asked for."""
        sgd = SGDSpec(options.pretrain_learning_rate, 0.0, options.momentum, options.weight_decay)
        return cls(options.pretrain_epochs, sgd)

    def parameters(self, model: VPNsForImageClassification) -> Iterable[nn.Parameter]:
        return model.backbone.parameters()
