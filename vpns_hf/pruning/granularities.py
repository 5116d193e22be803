"""What `--granularity` stands for: what one entry of a mask removes, and the pattern that stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import InputError
from ..models.configuration_vpns import CHANNEL, GRANULARITIES, n_of_m
from .channels import Channels
from .n_of_m import NOfM
from .units import UNITS, Units


@dataclass(frozen=True)
class Granularity:
    """What a mask is made of.

    Attributes:
        units: what one entry of a mask removes.
        pattern: what stays; None where the sparsity says how much.
    """

    units: Units
    pattern: NOfM | None = None

    @classmethod
    def named(cls, name: str, exclude: Iterable[str] = ()) -> Granularity:
        """Returns what a name stands for, such as "kernel", "channel" or "2:4".

        Args:
            name: of `UNITS`, channel, or N:M.
            exclude: patterns of the names of layers that a pattern leaves dense.

        Raises:
            InputError: if it is none.
        """
        if name in UNITS:
            return cls(UNITS[name])
        if name == CHANNEL:
            return cls(Channels())
        numbers = n_of_m(name)
        if numbers is None:
            raise InputError(
                f"granularity is {name!r}; allowed: {', '.join(GRANULARITIES)}, or N:M with N below M and M at most 64, such as 2:4"
            )
        return cls(UNITS["weight"], NOfM(*numbers, tuple(exclude)))

    @property
    def is_of_channels(self) -> bool:
        """Whether whole channels go, and are removed at the end."""
        return isinstance(self.units, Channels)

    @property
    def sparsity(self) -> float | None:
        """The one sparsity there is; None where any can be asked for."""
        return None if self.pattern is None else 1 - self.pattern.kept / self.pattern.of
