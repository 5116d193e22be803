"""Where rows come from, so that messages speak of the rows of the user's own splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The rows of a part of a data set by their place in the splits they were chosen from.

    Attributes:
        sizes: the number of rows of each of those splits, by name, in the order in which they were joined.
        rows: for each row of the part its number among the joined ones.
    """

    sizes: Mapping[str, int]
    rows: Sequence[int]

    @staticmethod
    def whole(sizes: Mapping[str, int]) -> Origin:
        """All rows of the splits."""
        return Origin(sizes, range(sum(sizes.values())))

    @property
    def name(self) -> str:
        """The name of the split, or those of the joined ones."""
        return "+".join(self.sizes)

    def select(self, rows: Sequence[int]) -> Origin:
        """The origin of some of the rows, given by their numbers in the part."""
        return Origin(self.sizes, [self.rows[row] for row in rows])

    def describe(self, row: int) -> str:
        """Names a row of the part, from 0 on, as in "row 85 of the train split"."""
        number = int(self.rows[row])
        for name, size in self.sizes.items():
            if number < size:
                return f"row {number} of the {name} split"
            number -= size
        raise IndexError(row)
