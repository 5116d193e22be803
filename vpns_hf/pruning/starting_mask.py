"""The mask of another network to start from: what it has removed never comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError
from ..models import VPNsForImageClassification
from .sparsity import num_dropped, sparsity_of


@dataclass(frozen=True)
class StartingMask:
    """The mask of another network of the same layers, and its weights where they are taken over as well.

    Attributes:
        source: where it comes from, for messages.
        masks: {layer name: bool, shaped like its weight, True where it is kept}.
        weights: the tensors of the other network's plain backbone; empty to keep those that are there.
        prompt: the tensors of its visual prompt; empty to begin with none.
    """

    source: str
    masks: Mapping[str, Tensor]
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    prompt: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many weights there are."""
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def removed(self) -> int:
        """How many of them are removed."""
        return self.total - sum(int(mask.sum()) for mask in self.masks.values())

    def check_sparsity(self, sparsity: float) -> None:
        """Raises InputError if a sparsity removes fewer weights."""
        if not self.is_reached_by(sparsity):
            raise InputError(
                f"sparsity {sparsity} removes {num_dropped(self.total, sparsity)} of {self.total} weights, but init_mask "
                f"{self.source} has lost {self.removed}; give --sparsities of at least {sparsity_of(self.removed, self.total)}"
            )

    def is_reached_by(self, sparsity: float) -> bool:
        """Returns whether a sparsity removes at least as many weights."""
        return num_dropped(self.total, sparsity) >= self.removed

    def check(self, model: VPNsForImageClassification) -> None:
        """Raises InputError if the layers are not those of the model; the message names the first that differs."""
        there = {name: tuple(mask.shape) for name, mask in self.masks.items()}
        here = {name: tuple(mask.shape) for name, mask in model.masks().items()}
        if there != here:
            differs = next(name for name in [*here, *there] if here.get(name) != there.get(name))
            raise InputError(
                f"init_mask is {self.source}, whose layers are not those of this network: {differs} is "
                f"{_shown(there.get(differs))} there and {_shown(here.get(differs))} here; give a run of the same network"
            )

    def apply(self, model: VPNsForImageClassification) -> None:
        """Masks the model, for good, after taking over the weights and the visual prompt."""
        if self.prompt:
            model.visual_prompt.load_state_dict(self.prompt)
        if self.weights:
            model.load_backbone(self.weights)
        self._mask(model)

    @contextmanager
    def applied(self, model: VPNsForImageClassification) -> Iterator[None]:
        """Masks the model within the block, its own weights in place; afterwards its masks are as before."""
        before = {name: mask.clone() for name, mask in model.masks().items()}
        try:
            self._mask(model)
            yield
        finally:
            for name, mask in model.masks().items():
                mask.copy_(before[name])

    @torch.no_grad()
    def _mask(self, model: VPNsForImageClassification) -> None:
        for name, mask in model.masks().items():
            mask.logical_and_(self.masks[name].to(mask.device))


def _shown(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else "x".join(map(str, shape))
