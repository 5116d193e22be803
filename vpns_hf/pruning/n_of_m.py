"""N of every M weights stay: the pattern that some hardware multiplies faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .budget import Budget
from .excluding import excluded_layers
from .thresholds.threshold import NAN_SCORES
from .units import UnitGroup


@dataclass(frozen=True)
class NOfM(Budget):
    """Of M consecutive input channels, at each output and kernel position, the N highest stay.

    The sparsity follows, 1 - N / M; layers that the pattern does not fit stay dense.

    Attributes:
        kept: N.
        of: M.
        exclude: patterns of the names of layers that stay dense.
    """

    kept: int
    of: int
    exclude: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.kept}:{self.of}"

    def check(self, pruned: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> None:
        """As in `Budget`; a group of M that has lost more than is to go is refused."""
        dense = self.dense(groups)
        for gone, group in zip(pruned, groups, strict=True):
            if group.name in dense:
                continue
            lost = int(gone.unflatten(1, (-1, self.of)).sum(2).max())
            if lost > self.of - self.kept:
                raise InputError(
                    f"granularity {self.name} keeps {self.kept} of every {self.of} weights, but layer {group.name} has lost "
                    f"{lost} of {self.of} somewhere already; start from another mask, or exclude the layer"
                )

    def keep(self, keys: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> list[Tensor]:
        if any(bool(key.isnan().any()) for key in keys):
            raise InputError(NAN_SCORES)
        dense = self.dense(groups)
        return [
            torch.ones_like(key, dtype=torch.bool) if group.name in dense else self._highest(key)
            for key, group in zip(keys, groups, strict=True)
        ]

    def dense(self, groups: Sequence[UnitGroup]) -> set[str]:
        """Returns the names of the layers that stay dense."""
        return {*excluded_layers([group.name for group in groups], self.exclude), *self.unfit(groups)}

    def unfit(self, groups: Sequence[UnitGroup]) -> dict[str, str]:
        """Returns {name of a layer that the pattern does not fit: why}."""
        reasons = {group.name: self._objection(group) for group in groups}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def removed(self, groups: Sequence[UnitGroup]) -> int:
        """Returns how many weights go."""
        dense = self.dense(groups)
        return sum(group.total // self.of * (self.of - self.kept) for group in groups if group.name not in dense)

    def _objection(self, group: UnitGroup) -> str | None:
        if group.in_groups:
            return "its channels are in groups"
        return f"{group.shape[1]} inputs, no multiple of {self.of}" if group.shape[1] % self.of else None

    def _highest(self, key: Tensor) -> Tensor:
        parts = key.unflatten(1, (-1, self.of))
        lowest = parts.argsort(dim=2, stable=True)[:, :, : self.of - self.kept]
        return torch.ones_like(parts, dtype=torch.bool).scatter_(2, lowest, False).flatten(1, 2)
