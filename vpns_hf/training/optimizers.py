"""The optimisers of the stages. One optimiser holds weights or scores and the prompt as two groups.

A parameter without a gradient is not stepped, so the plain update leaves the prompt, its momentum and its decay alone:
the same as an optimiser of its own. A single optimiser is what a gradient scaler can work with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import SGD, Adam, Optimizer


@dataclass(frozen=True)
class AdamSpec:
    """Adam with coupled weight decay.

    Attributes:
        learning_rate: of the scores.
        prompt_learning_rate: of the visual prompt.
        weight_decay: of both, added to the gradient.
    """

    learning_rate: float
    prompt_learning_rate: float
    weight_decay: float

    def build(self, parameters: Iterable[nn.Parameter], prompt: Iterable[nn.Parameter]) -> Optimizer:
        """Returns the optimiser of the two groups."""
        groups = _groups(parameters, self.learning_rate, prompt, self.prompt_learning_rate)
        return Adam(groups, weight_decay=self.weight_decay, fused=True)


@dataclass(frozen=True)
class SGDSpec:
    """SGD with momentum.

    Attributes:
        learning_rate: of the weights.
        prompt_learning_rate: of the visual prompt.
        momentum: of both.
        weight_decay: of both, added to the gradient.
    """

    learning_rate: float
    prompt_learning_rate: float
    momentum: float
    weight_decay: float

    def build(self, parameters: Iterable[nn.Parameter], prompt: Iterable[nn.Parameter]) -> Optimizer:
        """Returns the optimiser of the two groups."""
        groups = _groups(parameters, self.learning_rate, prompt, self.prompt_learning_rate)
        return SGD(groups, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay, fused=True)


OptimizerSpec = AdamSpec | SGDSpec


def _groups(
    parameters: Iterable[nn.Parameter], learning_rate: float, prompt: Iterable[nn.Parameter], prompt_rate: float
) -> list[dict]:
    groups = [{"params": list(parameters), "lr": learning_rate}, {"params": list(prompt), "lr": prompt_rate}]
    return [group for group in groups if group["params"]]
