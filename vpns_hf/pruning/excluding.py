"""Layers that stay as they are, whatever the budget of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..errors import InputError
from .budget import Pool, Pooled
from .sparsity import num_dropped, sparsity_of
from .units import UnitGroup


def excluded_layers(layers: Sequence[str], patterns: Iterable[str]) -> list[str]:
    """Returns the names of layers that a pattern matches, as file names are matched.

    Raises:
        InputError: a pattern matches none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise InputError(f"exclude is {pattern!r}, which no layer is called; the layers are {', '.join(layers)}")
    return [name for name in layers if any(fnmatchcase(name, pattern) for pattern in patterns)]


@dataclass(frozen=True)
class Excluding(Pooled):
    """Some layers stay dense, and the others lose so much more: the sparsity is still that of all layers together.

    Attributes:
        others: the budget of the other layers.
        patterns: of the names of those that stay.
    """

    others: Pooled
    patterns: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.others.name

    def pools(self, groups: Sequence[UnitGroup], sparsity: float) -> list[Pool]:
        """As in `Pooled`; more weights than those outside of the excluded layers are refused as well."""
        places = self._others(groups)
        rest = [groups[place] for place in places]
        pools = self.others.pools(rest, self._of_the_others(groups, rest, sparsity))
        moved = [Pool(tuple(places[member] for member in pool.members), pool.dropped) for pool in pools]
        return [*moved, *(Pool((place,), 0) for place in range(len(groups)) if place not in places)]

    def most(self, groups: Sequence[UnitGroup]) -> float:
        rest = [groups[place] for place in self._others(groups)]
        share = sum(group.total for group in rest) / sum(group.total for group in groups)
        return share * self.others.most(rest)

    def _others(self, groups: Sequence[UnitGroup]) -> list[int]:
        """Returns the places of groups that no excluded layer has a part in."""
        layers = list(dict.fromkeys(layer for group in groups for layer in group.all_layers))
        excluded = set(excluded_layers(layers, self.patterns))
        return [place for place, group in enumerate(groups) if excluded.isdisjoint(group.all_layers)]

    def _of_the_others(self, groups: Sequence[UnitGroup], rest: Sequence[UnitGroup], sparsity: float) -> float:
        total, left = (sum(group.total for group in some) for some in (groups, rest))
        dropped = num_dropped(total, sparsity)
        if dropped >= left:
            raise InputError(
                f"sparsity {sparsity} removes {dropped} of {total} weights, but the layers that are not excluded have {left}; "
                "lower the sparsity or exclude less"
            )
        return sparsity_of(dropped, left)
