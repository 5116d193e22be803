"""One optimisation step: the share of a batch in parts, gradients clipped, non-finite ones dealt with."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn

from ..data import Batch
from .batch_norm import running_statistics
from .objectives import Objective


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
    def step(
        self, model: nn.Module, optimizers: Sequence[AcceleratedOptimizer], loss: Tensor, memory: list[Tensor]
    ) -> Tensor:
        """Takes the step or leaves it out, alike in all processes; returns the loss, NaN where it was left out."""


class StopAtNonFinite(NonFinitePolicy):
    """Takes every step; the run ends when the losses are looked at."""

    stops = True

    def remember(self, model: nn.Module) -> list[Tensor]:
        return []

    def step(
        self, model: nn.Module, optimizers: Sequence[AcceleratedOptimizer], loss: Tensor, memory: list[Tensor]
    ) -> Tensor:
        for optimizer in optimizers:
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
    def step(
        self, model: nn.Module, optimizers: Sequence[AcceleratedOptimizer], loss: Tensor, memory: list[Tensor]
    ) -> Tensor:
        gradients = [entry.grad for entry in _parameters(optimizers) if entry.grad is not None]
        finite = torch.nn.utils.get_total_norm(gradients).isfinite()
        for optimizer in optimizers:
            inner = optimizer.optimizer
            inner.found_inf = finite.logical_not().float()
            optimizer.step()
            vars(inner).pop("found_inf", None)  # a gradient scaler has removed it
        for statistic, before in zip(running_statistics(model), memory, strict=True):
            torch.where(finite, statistic, before, out=statistic)
        return loss.masked_fill(~finite, math.nan)


LEAST_IMAGES = 2  # that batch norm needs


@dataclass(frozen=True)
class Stepping:
    """How the optimisation steps of a run are taken.

    Attributes:
        parts: into how many parts each process's share of a batch is passed through the network, to save memory. The
            gradient is that of the whole share; batch norm sees one part at a time.
        max_grad_norm: the L2 norm that the gradient of an update is scaled down to; None for no limit.
        non_finite: what becomes of an update whose loss is not finite.
    """

    parts: int = 1
    max_grad_norm: float | None = None
    non_finite: NonFinitePolicy = field(default_factory=StopAtNonFinite)


class Updater:
    """Takes the optimisation steps of a stage. The host waits for no value of the device.

    Args:
        accelerator: of the run.
        stepping: how the steps are taken.
        model: the prepared model.
        optimizers: the prepared optimisers by name.
        objective: what an update makes small.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        stepping: Stepping,
        model: nn.Module,
        optimizers: Mapping[str, AcceleratedOptimizer],
        objective: Objective,
    ) -> None:
        self.accelerator, self.stepping = accelerator, stepping
        self.model, self.optimizers, self.objective = model, optimizers, objective

    def update(
        self, batch: Batch, prompted: bool, trains: Sequence[str], after_backward: Callable[[], None] = lambda: None
    ) -> Tensor:
        """Takes one step on this process's share of a batch.

        Args:
            batch: of this process.
            prompted: whether the visual prompt is applied.
            trains: names of the optimisers that step; the gradients of the others are dropped.
            after_backward: called with the gradient of the whole batch in place, before it is clipped.

        Returns:
            The mean loss of the share, 0-dim on the device; NaN where the step was left out.
        """
        policy = self.stepping.non_finite
        memory = policy.remember(self.model)
        loss = self._backward(batch, prompted)
        after_backward()
        stepping = [self.optimizers[name] for name in trains]
        self._clip(stepping)
        loss = policy.step(self.model, stepping, loss, memory)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        return loss

    def _backward(self, batch: Batch, prompted: bool) -> Tensor:
        parts = list(_parts(batch, self.stepping.parts))
        losses = []
        for index, part in enumerate(parts):
            with self._synchronised(index == len(parts) - 1):
                output = self.model(part.pixel_values, labels=part.labels, prompted=prompted)
                loss = self.objective(output, part)
                loss = loss if len(parts) == 1 else loss * (len(part.labels) / len(batch.labels))
                self.accelerator.backward(loss)
            losses.append(loss.detach())
        return losses[0] if len(parts) == 1 else torch.stack(losses).sum()

    def _synchronised(self, last: bool) -> AbstractContextManager:
        """Gradients are summed over the processes with the last part only."""
        return nullcontext() if last else self.accelerator.no_sync(self.model)

    def _clip(self, optimizers: Sequence[AcceleratedOptimizer]) -> None:
        if self.stepping.max_grad_norm is not None:
            self.accelerator.clip_grad_norm_(_parameters(optimizers), self.stepping.max_grad_norm)


def _parameters(optimizers: Sequence[AcceleratedOptimizer]) -> list[nn.Parameter]:
    return [entry for optimizer in optimizers for group in optimizer.param_groups for entry in group["params"]]


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """Yields a batch in `count` parts of sizes that differ by one image at most; in fewer, if there are too few images."""
    count = max(min(count, len(batch.labels) // LEAST_IMAGES), 1)
    if count == 1:
        yield batch
        return
    pieces = zip(batch.pixel_values.tensor_split(count), batch.labels.tensor_split(count), strict=True)
    yield from (Batch(*piece) for piece in pieces)
