"""The optimisers of the stages. One optimiser holds weights or scores and the prompt as two groups.

A parameter without a gradient is not stepped, so the plain update leaves the prompt, its momentum and its decay alone:
the same as an optimiser of its own. A single optimiser is what a gradient scaler can work with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
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
        sgd = SGD(groups, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay, fused=True)
        if self.momentum:
            # A fused first step that is left out would leave whatever was in memory as momentum.
            for entry in (entry for group in sgd.param_groups for entry in group["params"]):
                sgd.state[entry]["momentum_buffer"] = torch.zeros_like(entry, requires_grad=False)
        return sgd


OptimizerSpec = AdamSpec | SGDSpec


def _groups(
    parameters: Iterable[nn.Parameter], learning_rate: float, prompt: Iterable[nn.Parameter], prompt_rate: float
) -> list[dict]:
    groups = [{"params": list(parameters), "lr": learning_rate}, {"params": list(prompt), "lr": prompt_rate}]
    return [group for group in groups if group["params"]]
