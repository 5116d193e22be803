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
        """Returns all rows of the splits."""
        return Origin(sizes, range(sum(sizes.values())))

    @property
    def name(self) -> str:
        """The name of the split, or those of the joined ones."""
        return "+".join(self.sizes)

    def take(self, rows: Sequence[int]) -> Origin:
        """Returns the origin of some of the rows, given by their numbers in the part."""
        return Origin(self.sizes, [self.rows[row] for row in rows])

    def describe(self, row: int) -> str:
        """Names a row of the part, from 0 on, as in "row 85 of the train split"."""
        name, number = self._place(row)
        return f"row {number} of the {name} split"

    def describe_all(self, rows: Sequence[int], limit: int) -> str:
        """Names up to `limit` rows and counts the others, as in "rows 3, 85 of the train split and 6 more"."""
        places = sorted(map(self._place, rows), key=lambda place: (list(self.sizes).index(place[0]), place[1]))
        named: dict[str, list[int]] = {}
        for name, number in places[:limit]:
            named.setdefault(name, []).append(number)
        text = ", ".join(_named(name, numbers) for name, numbers in named.items())
        return text if len(places) <= limit else f"{text} and {len(places) - limit} more"

    def _place(self, row: int) -> tuple[str, int]:
        number = int(self.rows[row])
        for name, size in self.sizes.items():
            if number < size:
                return name, number
            number -= size
        raise IndexError(row)


def _named(split: str, rows: Sequence[int]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows))} of the {split} split"
