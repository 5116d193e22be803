"""How many units stay, and where. Adding a budget: a class that says which groups are ranked together, a line in SCOPES."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .sparsity import num_dropped, sparsity_of
from .thresholds.threshold import NAN_SCORES
from .units import UnitGroup


@dataclass(frozen=True)
class Pool:
    """Groups whose units are ranked together.

    Attributes:
        members: places of the groups.
        dropped: how many of their weights go.
    """

    members: tuple[int, ...]
    dropped: int


class Budget(ABC):
    """Which units stay.

    Attributes:
        name: what decides, for records.
    """

    name: ClassVar[str]

    @abstractmethod
    def check(self, pruned: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> None:
        """Looks whether the sparsity can be reached from units that are gone already, bool tensors shaped as the groups say.

        Raises:
            InputError: if it cannot, or the groups are not those the budget is for.
        """

    @abstractmethod
    def keep(self, keys: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> list[Tensor]:
        """Returns bool tensors like the keys: True where a unit stays. The lowest keys go, of equals the earlier by position.

        Args:
            keys: what units are ranked by, shaped as their groups say; -inf goes first.
            groups: of the units.
            sparsity: the fraction of all weights to remove, in [0, 1).

        Raises:
            InputError: as `check`, or a key is NaN.
        """


class Pooled(Budget):
    """A budget by a number of weights that go of those that are ranked together; the count is exact.

    Units of several weights go as long as no more weights go than asked for.
    """

    @abstractmethod
    def pools(self, groups: Sequence[UnitGroup], sparsity: float) -> list[Pool]:
        """Returns what is ranked together and how much of it goes; every group is in one pool.

        Raises:
            InputError: the sparsity is outside [0, 1), or the groups are not those the budget is for.
        """

    def most(self, groups: Sequence[UnitGroup]) -> float:
        """Returns the fraction of the weights that can go: any below it."""
        return 1.0

    def check(self, pruned: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> None:
        """As in `Budget`; refused as well if more weights that are ranked together are gone than are to go."""
        for pool in self.pools(groups, sparsity):
            names = [groups[member].name for member in pool.members]
            gone = sum(int(pruned[member].sum()) * groups[member].weights for member in pool.members)
            if gone > pool.dropped:
                raise InputError(
                    f"sparsity {sparsity} removes {pool.dropped} weights of {names[0] if len(names) == 1 else 'all layers'}, "
                    f"which has lost {gone} already; raise --sparsities, or give another --scope or --exclude"
                )

    def keep(self, keys: Sequence[Tensor], groups: Sequence[UnitGroup], sparsity: float) -> list[Tensor]:
        kept = [torch.ones_like(key, dtype=torch.bool) for key in keys]
        for pool in self.pools(groups, sparsity):
            costs = [groups[member].weights for member in pool.members]
            stays = highest([keys[member] for member in pool.members], costs, pool.dropped)
            for member, mask in zip(pool.members, stays, strict=True):
                kept[member] = mask
        return kept


class Global(Pooled):
    """All layers are ranked together; one can end up empty."""

    name = "global"

    def pools(self, groups: Sequence[UnitGroup], sparsity: float) -> list[Pool]:
        dropped = num_dropped(sum(group.total for group in groups), sparsity)
        return [Pool(tuple(range(len(groups))), dropped)] if groups else []


class PerLayer(Pooled):
    """Every layer loses the same fraction of its weights."""

    name = "layer"

    def pools(self, groups: Sequence[UnitGroup], sparsity: float) -> list[Pool]:
        return [Pool((place,), num_dropped(group.total, sparsity)) for place, group in enumerate(groups)]


@dataclass(frozen=True)
class LikeAnother(Pooled):
    """Every layer keeps as many weights as in another network of the same layers.

    Attributes:
        kept: {layer name: how many of how many weights}.
    """

    name = "like"

    kept: Mapping[str, tuple[int, int]]

    def pools(self, groups: Sequence[UnitGroup], sparsity: float) -> list[Pool]:
        """As in `Pooled`; a sparsity other than that of the other network is refused as well."""
        sizes = {group.name: group.total for group in groups}
        self._check_layers(sizes)
        dropped = {name: size - self.kept[name][0] for name, size in sizes.items()}
        self._check_total(sum(dropped.values()), sum(sizes.values()), sparsity)
        return [Pool((place,), dropped[group.name]) for place, group in enumerate(groups)]

    def _check_layers(self, sizes: Mapping[str, int]) -> None:
        others = {name: total for name, (_, total) in self.kept.items()}
        if sizes != others:
            differs = next(name for name in [*sizes, *others] if sizes.get(name) != others.get(name))
            raise InputError(
                f"the layers to be like are not those of this network: {differs} has {others.get(differs, 'no')} "
                f"weights there and {sizes.get(differs, 'no')} here; give a run of the same network"
            )

    def _check_total(self, dropped: int, total: int, sparsity: float) -> None:
        asked = num_dropped(total, sparsity)
        if asked != dropped:
            raise InputError(
                f"sparsity {sparsity} removes {asked} of {total} weights, but the network to be like has lost {dropped}; "
                f"give --sparsities {sparsity_of(dropped, total)}"
            )


SCOPES: dict[str, Pooled] = {"global": Global(), "layer": PerLayer()}


def highest(keys: Sequence[Tensor], costs: Sequence[int], dropped: int) -> list[Tensor]:
    """Returns which keys stay when the lowest of together at most `dropped` weights go, ties by position."""
    flat = torch.cat([key.reshape(-1) for key in keys])
    if flat.isnan().any():
        raise InputError(NAN_SCORES)
    count = dropped // costs[0] if len(set(costs)) == 1 else _affordable(flat, keys, costs, dropped)
    stays = _without_lowest(flat, count)
    return [part.view(key.shape) for part, key in zip(stays.split([key.numel() for key in keys]), keys, strict=True)]


def _affordable(flat: Tensor, keys: Sequence[Tensor], costs: Sequence[int], dropped: int) -> int:
    """Returns how many of the lowest keys cost together at most `dropped`."""
    sizes = torch.tensor([key.numel() for key in keys])
    cost = torch.tensor(costs).repeat_interleave(sizes).to(flat.device)
    spent = cost[flat.argsort(stable=True)].cumsum(0)
    return int((spent <= dropped).sum())


def _without_lowest(flat: Tensor, count: int) -> Tensor:
    """Returns True for all but the `count` lowest values, of equals the earlier."""
    if count == 0:
        return torch.ones_like(flat, dtype=torch.bool)
    last = _lowest(flat, count)
    stays, ties = flat > last, (flat == last).nonzero().flatten()
    lower = flat.numel() - int(stays.count_nonzero()) - len(ties)
    stays[ties[count - lower :]] = True
    return stays


def _lowest(flat: Tensor, rank: int) -> Tensor | np.floating:
    """Returns the value of that rank from below, counted from 1.

    In main memory by NumPy, in half of torch's time; what is pruned already is left out, since equals slow it down.
    """
    if not flat.is_cpu:
        return flat.kthvalue(rank).values
    values = flat.numpy()
    finite = values[values > -math.inf]
    rank -= values.size - finite.size
    if rank < 1:
        return np.float64(-math.inf)
    finite.partition(rank - 1)
    return finite[rank - 1]
