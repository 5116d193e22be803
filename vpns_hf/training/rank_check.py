"""Stops a run whose processes have drifted apart: each would go on with masks of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from ..models import VPNsForImageClassification
from .run import Callback, Run, TrainingStage, Update

# Odd 64-bit constants that spread neighbouring numbers over all bits, as in SplitMix64 (Steele et al., OOPSLA 2014).
SPREAD, MIX = 0x9E3779B97F4A7C15 - 2**64, 0xBF58476D1CE4E5B9 - 2**64
BYTES = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class RankCheck(Callback):
    """Compares the masks, and what is trained, of all processes.

    Args:
        every: after so many updates of a stage, and at its end; at the end only if 0.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._updates = 0

    def on_stage_begin(self, run: Run, stage: TrainingStage) -> None:
        self._updates = 0

    def on_update(self, run: Run, stage: TrainingStage, update: Update, loss: Tensor) -> None:
        self._updates += 1
        if self.every and self._updates % self.every == 0:
            check_ranks(run, f"after {self._updates} updates of {stage.name}")

    def on_stage_end(self, run: Run, stage: TrainingStage) -> None:
        check_ranks(run, f"at the end of {stage.name}")


def check_ranks(run: Run, when: str) -> None:
    """Compares all processes with the first; all take part.

    Raises:
        InputError: if a mask or a trained parameter differs: the first that does.
    """
    if run.accelerator.num_processes == 1:
        return
    named = shared_tensors(run.model)
    gathered = run.accelerator.gather(fingerprints(list(named.values()))[None])
    differs = (gathered != gathered[0]).cpu()
    if not differs.any():
        return
    place = int(differs.any(0).nonzero()[0])
    process = int(differs[:, place].nonzero()[0])
    raise InputError(
        f"{list(named)[place]} of process {process} is not that of process 0 {when}: the processes have drifted apart; "
        "look for a device that computes wrongly or a callback that changes the model"
    )


def shared_tensors(model: VPNsForImageClassification) -> dict[str, Tensor]:
    """Returns what must be the same in all processes: the masks, then the parameters that are trained."""
    masks = {f"the mask of layer {name}": mask for name, mask in model.masks().items()}
    trained = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    return {**masks, **trained}


def fingerprints(tensors: Sequence[Tensor]) -> Tensor:
    """Returns one number per tensor, (n,) int64 on their device, that any changed bit or place changes.

    A sum of products with a pseudo-random number per place, modulo 2^64: exact in any order of summation.
    """
    return torch.stack([_fingerprint(tensor) for tensor in tensors])


def _fingerprint(tensor: Tensor) -> Tensor:
    bits = tensor.reshape(-1).view(BYTES[tensor.element_size()]).to(torch.int64)
    weights = (torch.arange(1, bits.numel() + 1, device=bits.device) * SPREAD).add_(1)
    weights ^= weights >> 31
    weights *= MIX
    return (bits * weights).sum()
