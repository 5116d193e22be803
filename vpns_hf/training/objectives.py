"""What an update makes small."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from ..data import Batch
from ..models import VPNsForImageClassification


class Objective(Protocol):
    """The loss of a batch, from what the network in training made of it."""

    def __call__(self, output: ImageClassifierOutputWithNoAttention, batch: Batch) -> Tensor:
        """Returns the mean over the pictures, 0-dim, with the gradient of the network in training alone.

        Args:
            output: `loss`, the mean cross-entropy, and `logits` (B, num_labels).
            batch: of the same pictures.
        """


class CrossEntropy:
    """The mean cross-entropy."""

    def __call__(self, output: ImageClassifierOutputWithNoAttention, batch: Batch) -> Tensor:
        return output.loss


@dataclass(frozen=True)
class WeightedCrossEntropy:
    """The cross-entropy of each picture times the weight of its class, as a mean over the pictures.

    The sum is divided by the number of pictures, not by that of their weights, so that an update is the same in however
    many parts and processes it is computed.

    Attributes:
        weights: of the classes, float32 (num_labels,).
    """

    weights: Tensor

    def __call__(self, output: ImageClassifierOutputWithNoAttention, batch: Batch) -> Tensor:
        losses = F.cross_entropy(output.logits.float(), batch.labels, reduction="none")
        return (self.weights[batch.labels] * losses).mean()


@dataclass(frozen=True)
class Distillation:
    """(1 - A) L + A T^2 KL(teacher || network), both softened by T; L is the loss without a teacher.

    The teacher sees the pictures of the batch without a prompt. Source: Hinton et al., "Distilling the Knowledge in a
    Neural Network", arXiv 1503.02531, section 2.

    Attributes:
        teacher: of the same classes, in evaluation mode.
        alpha: A, in [0, 1].
        temperature: T, above 0.
        autocast: gives the context of the precision that training computes in.
        untaught: L.
    """

    teacher: VPNsForImageClassification
    alpha: float
    temperature: float
    autocast: Callable[[], AbstractContextManager]
    untaught: Objective = field(default_factory=CrossEntropy)

    def __call__(self, output: ImageClassifierOutputWithNoAttention, batch: Batch) -> Tensor:
        with torch.no_grad(), self.autocast():
            taught = self.teacher(batch.pixel_values, prompted=False).logits
        softened = [(logits.float() / self.temperature).log_softmax(1) for logits in (output.logits, taught)]
        divergence = F.kl_div(*softened, reduction="batchmean", log_target=True)
        return (1 - self.alpha) * self.untaught(output, batch) + self.alpha * self.temperature**2 * divergence
