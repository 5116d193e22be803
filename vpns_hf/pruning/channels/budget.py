"""How many channels stay, and where: counted as channels, as weights or as multiplications."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ..budget import Budget, Pooled, highest
from ..sparsity import num_dropped
from .units import ChannelUnits

COUNTED = ("channels", "weights", "macs")
LEAST = 0.1  # of every group stays
STEPS = 24  # halvings of the range in which the fraction of channels lies


@dataclass(frozen=True)
class ChannelBudget(Budget):
    """Of all channels, or of those of each group, the lowest go, until so much of what is counted is gone.

    A tenth of every group stays, and `multiple` channels; what stays of a group is rounded to a multiple of these.

    Attributes:
        others: what is ranked together.
        counted: what a sparsity is a fraction of, one of `COUNTED`.
        multiple: how many channels stay together; 1 for exact counts.
    """

    others: Pooled
    counted: str = "channels"
    multiple: int = 8

    @property
    def name(self) -> str:
        return self.others.name

    def check(self, pruned: Sequence[Tensor], groups: Sequence[ChannelUnits], sparsity: float) -> None:
        """As in `Budget`; refused as well if more is to go than can, or less than is gone."""
        num_dropped(1, sparsity)
        most = self._most(groups)
        if sparsity > most:
            given = math.floor(1000 * most) / 1000
            advice = f"give at most {given:g}" if given or self.multiple == 1 else "lower --round_channels_to"
            raise InputError(
                f"sparsity {sparsity} of the {self.counted} cannot be reached: of every group of channels a tenth stays, "
                f"{self.multiple} at least, and of excluded layers all; {advice}"
            )
        gone = removed([~units for units in pruned], groups)[self.counted]
        if gone > sparsity and any(bool(units.any()) for units in pruned):
            raise InputError(
                f"sparsity {sparsity} removes less of the {self.counted} than the {100 * gone:.1f}% that are gone already; raise "
                "--sparsities, or start from another mask"
            )

    def keep(self, keys: Sequence[Tensor], groups: Sequence[ChannelUnits], sparsity: float) -> list[Tensor]:
        if self.counted == "channels":
            return self._kept(keys, groups, sparsity)
        low, high, kept = 0.0, self.others.most(groups), self._kept(keys, groups, 0.0)
        for _ in range(STEPS if sparsity else 0):
            middle = (low + high) / 2
            found = self._kept(keys, groups, middle)
            if removed(found, groups)[self.counted] <= sparsity:
                low, kept = middle, found
            else:
                high = middle
        return kept

    def _most(self, groups: Sequence[ChannelUnits]) -> float:
        """Returns the highest sparsity that can be asked for."""
        highest_fraction = self.others.most(groups)
        kept = self._kept([torch.zeros(group.shape) for group in groups], groups, highest_fraction * (1 - 1e-6))
        share = removed(kept, groups)[self.counted]
        return (1 - LEAST) * highest_fraction if share and self.counted == "channels" else share

    def _kept(self, keys: Sequence[Tensor], groups: Sequence[ChannelUnits], fraction: float) -> list[Tensor]:
        """Returns which units stay when a fraction of the channels goes, as near to it as may be."""
        held = [_held(key, self._least(group)) for key, group in zip(keys, groups, strict=True)]
        kept = [torch.ones_like(key, dtype=torch.bool) for key in keys]
        for pool in self.others.pools(groups, fraction):
            costs = [groups[member].weights for member in pool.members]
            stays = highest([held[member] for member in pool.members], costs, pool.dropped)
            for member, units in zip(pool.members, stays, strict=True):
                number = self._allowed(groups[member], int((units | (held[member] == math.inf)).sum()))
                kept[member] = _first(keys[member], number)
        return kept

    def _least(self, group: ChannelUnits) -> int:
        """Returns how many units of a group stay in any case."""
        size, step = group.of.size, self._step(group)
        tenth = math.ceil(LEAST * size)
        return min(size, step * math.ceil(tenth / step))

    def _step(self, group: ChannelUnits) -> int:
        """Returns how many units have together a multiple of the channels."""
        return self.multiple // math.gcd(self.multiple, group.of.channels)

    def _allowed(self, group: ChannelUnits, number: int) -> int:
        """Returns the allowed number of units nearest to one, of two the larger."""
        step, size = self._step(group), group.of.size
        allowed = {*range(step, size, step), size}
        return min(allowed, key=lambda units: (abs(units - number), -units)) if number < size else size


def _held(key: Tensor, least: int) -> Tensor:
    """Returns the key, infinite for the highest `least` units."""
    held = key.double().clone()
    held[held.argsort(stable=True)[len(held) - least :]] = math.inf
    return held


def _first(key: Tensor, number: int) -> Tensor:
    """Returns True for the `number` highest units, of equals the later."""
    stays = torch.zeros_like(key, dtype=torch.bool)
    stays[key.argsort(stable=True)[len(key) - number :]] = True
    return stays


def removed(kept: Sequence[Tensor], groups: Sequence[ChannelUnits]) -> Mapping[str, float]:
    """Returns which fraction of the channels, of the weights and of the multiplications goes when these units stay."""
    left: dict[str, float] = {}
    for group, units in zip(groups, kept, strict=True):
        for side in group.of.sides:
            left[side.layer] = left.get(side.layer, 1.0) * int(units.sum()) / group.of.size
    channels = sum(group.total for group in groups)
    gone = sum(int((~units).sum()) * group.weights for group, units in zip(groups, kept, strict=True))
    graph = groups[0].graph
    return {
        "channels": gone / channels,
        "weights": _share(graph.weights, left),
        "macs": _share(graph.macs, left),
    }


def _share(amounts: Mapping[str, int], left: Mapping[str, float]) -> float:
    return 1 - sum(amount * left.get(name, 1.0) for name, amount in amounts.items()) / sum(amounts.values())
