"""What becomes of an update whose loss or gradient is not finite, without waiting for the device."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn

from .statistics import running_statistics


class NonFinitePolicy(ABC):
    """What becomes of an update whose loss or gradient is not finite.

    Attributes:
        stops: whether a loss that is not finite ends the run.
    """

    stops: bool

    @abstractmethod
    def remember(self, model: nn.Module) -> list[Tensor]:
        """Returns copies of what the coming update changes before anybody can know of its loss."""

    @abstractmethod
    def step(self, model: nn.Module, optimizer: AcceleratedOptimizer, loss: Tensor, memory: list[Tensor]) -> Tensor:
        """Takes the step or leaves it out, alike in all processes; returns the loss, NaN where it was left out."""


class StopAtNonFinite(NonFinitePolicy):
    """Takes every step; the run ends when the losses are looked at."""

    stops = True

    def remember(self, model: nn.Module) -> list[Tensor]:
        return []

    def step(self, model: nn.Module, optimizer: AcceleratedOptimizer, loss: Tensor, memory: list[Tensor]) -> Tensor:
        optimizer.step()
        return loss


class SkipNonFinite(NonFinitePolicy):
    """Leaves out a step whose gradient is not finite; running statistics are put back, momenta stay as they are.

    A loss that is not finite has such a gradient. The gradient is that of all processes, so they decide alike. The
    decision is the optimiser's kernel's: it is given the flag that gradient scalers use.
    """

    stops = False

    def remember(self, model: nn.Module) -> list[Tensor]:
        return [statistic.clone() for statistic in running_statistics(model)]

    @torch.no_grad()
    def step(self, model: nn.Module, optimizer: AcceleratedOptimizer, loss: Tensor, memory: list[Tensor]) -> Tensor:
        entries = [entry for group in optimizer.param_groups for entry in group["params"]]
        gradients = [entry.grad for entry in entries if entry.grad is not None]
        finite = torch.nn.utils.get_total_norm(gradients).isfinite()
        inner = optimizer.optimizer
        inner.found_inf = finite.logical_not().float()
        optimizer.step()
        vars(inner).pop("found_inf", None)  # a gradient scaler has removed it
        for statistic, before in zip(running_statistics(model), memory, strict=True):
            torch.where(finite, statistic, before, out=statistic)
        return loss.masked_fill(~finite, math.nan)
