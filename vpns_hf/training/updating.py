"""One optimisation step: the share of a batch in parts, gradients clipped, non-finite ones dealt with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vpns_hf.data import Batch

from .non_finite import NonFinitePolicy, SkipNonFinite, StopAtNonFinite

if TYPE_CHECKING:
    from .arguments import VPNsTrainingArguments
    from .run import Run

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
        run: its accelerator, its optimiser, and how the steps are taken.
        model: the prepared model.
    """

    def __init__(self, run: Run, model: nn.Module) -> None:
        self.accelerator, self.stepping = run.accelerator, run.stepping
        self.model, self.optimizer = model, run.progress.optimizer

    def update(self, batch: Batch, prompted: bool) -> Tensor:
        """Takes one step on this process's share of a batch.

        Returns:
            The mean loss of the share, 0-dim on the device; NaN where the step was left out.
        """
        policy = self.stepping.non_finite
        memory = policy.remember(self.model)
        loss = self._backward(batch, prompted)
        self._clip()
        loss = policy.step(self.model, self.optimizer, loss, memory)
        self.optimizer.zero_grad()
        return loss

    def _backward(self, batch: Batch, prompted: bool) -> Tensor:
        parts = list(_parts(batch, self.stepping.parts))
        losses = []
        for index, part in enumerate(parts):
            with self._synchronised(index == len(parts) - 1):
                loss = self.model(part.pixel_values, labels=part.labels, prompted=prompted).loss
                loss = loss if len(parts) == 1 else loss * (len(part.labels) / len(batch.labels))
                self.accelerator.backward(loss)
            losses.append(loss.detach())
        return losses[0] if len(parts) == 1 else torch.stack(losses).sum()

    def _synchronised(self, last: bool) -> AbstractContextManager:
        """Gradients are summed over the processes with the last part only."""
        return nullcontext() if last else self.accelerator.no_sync(self.model)

    def _clip(self) -> None:
        if self.stepping.max_grad_norm is not None:
            parameters = [entry for group in self.optimizer.param_groups for entry in group["params"]]
            self.accelerator.clip_grad_norm_(parameters, self.stepping.max_grad_norm)


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """Yields a batch in `count` parts of sizes that differ by one image at most; in fewer, if there are too few images."""
    count = max(min(count, len(batch.labels) // LEAST_IMAGES), 1)
    if count == 1:
        yield batch
        return
    pieces = zip(batch.pixel_values.tensor_split(count), batch.labels.tensor_split(count), strict=True)
    yield from (Batch(*piece) for piece in pieces)


def stepping_of(args: VPNsTrainingArguments) -> Stepping:
    """Returns how the steps of a job are taken."""
    policy = SkipNonFinite() if args.skip_nonfinite else StopAtNonFinite()
    return Stepping(args.gradient_accumulation_steps, args.max_grad_norm, policy)
