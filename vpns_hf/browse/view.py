"""What the page shows, as its address keeps it: filters, order, the model, the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from .found import Found, FoundModel

TABS = ("overview", "model", "try", "compare")
MOST_TRIED = 4
FILTERS = ("network", "dataset", "method", "granularity", "seed")
OF_MODELS = ("model", "tried", "compared")  # the fields that hold keys
ALL, WITHIN = "any", ("0", "0.5", "1", "2", "5")  # points below the dense model


@dataclass(frozen=True)
class View:
    """What is chosen on the page; an empty filter lets everything pass.

    Attributes:
        tab: one of `TABS`.
        network: short names of networks; `dataset`, `method`, `granularity` and `seed` alike.
        within: the most points that a model may be below its dense one, or `ALL`.
        axis: the name of the horizontal axis.
        sort: the column that the table is sorted by, with "-" before it from the largest down.
        model: key of the model that is open.
        tried: keys of those a picture is given to, `MOST_TRIED` at most.
        compared: keys of those side by side.
        differing: whether only the options that differ are shown.
    """

    tab: str = TABS[0]
    network: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    granularity: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    within: str = ALL
    axis: str = "sparsity"
    sort: str = "-accuracy"
    model: str = ""
    tried: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    differing: bool = True

    @classmethod
    def of(cls, values: Iterable[Any]) -> View:
        """Returns the view of what the controls of the page hold, in the order of the fields."""
        cleaned = (tuple(value) if isinstance(value, list) else value for value in values)
        pairs = zip(fields(cls), cleaned, strict=True)
        return cls(**{entry.name: entry.default if value is None else value for entry, value in pairs})

    def values(self) -> list[Any]:
        """Returns what the controls hold: lists for tuples."""
        return [list(value) if isinstance(value, tuple) else value for value in vars(self).values()]

    def query(self) -> str:
        """Returns the part of an address behind "?", without what is as at the start."""
        changed = {
            entry.name: value for entry in fields(self) if (value := getattr(self, entry.name)) != entry.default
        }
        shown = {name: "all" if value is False else value for name, value in changed.items()}
        return urlencode(shown, doseq=True, safe="/")

    @classmethod
    def from_query(cls, query: str, found: Found, axes: Iterable[str], columns: Iterable[str]) -> View:
        """Reads an address; what it names and is not here, or was never allowed, stays as at the start.

        Args:
            query: the part behind "?".
            found: the models that there are.
            axes: the names of the axes.
            columns: those of the columns.
        """
        given = parse_qs(query.removeprefix("?"))
        allowed = _allowed(found, axes, columns)
        chosen: dict[str, Any] = {}
        for entry in fields(cls):
            known = [value for value in given.get(entry.name, []) if value in allowed[entry.name]]
            if known:
                chosen[entry.name] = tuple(dict.fromkeys(known)) if isinstance(entry.default, tuple) else known[0]
        view = cls(**{**chosen, "differing": "differing" not in chosen})
        return replace(view, tried=view.tried[:MOST_TRIED])

    @classmethod
    def unknown(cls, query: str, found: Found, axes: Iterable[str], columns: Iterable[str]) -> list[str]:
        """Returns what an address names and cannot have: keys of models that are not here, other values with their field."""
        given, allowed = parse_qs(query.removeprefix("?")), _allowed(found, axes, columns)
        named = {
            value if entry.name in OF_MODELS else f"{entry.name} {value}": None
            for entry in fields(cls)
            for value in given.get(entry.name, [])
            if value not in allowed[entry.name]
        }
        too_many = len(dict.fromkeys(given.get("tried", []))) > MOST_TRIED
        return [*named, *([f"more than {MOST_TRIED} models to try"] if too_many else [])]

    def admits(self, model: FoundModel) -> bool:
        """Returns whether a model passes the filters."""
        if self.within != ALL and (model.gain is None or 100 * model.gain < -float(self.within) - 1e-9):
            return False
        return all(
            getattr(self, name) in ((), None) or value_of(model, name) in getattr(self, name) for name in FILTERS
        )


def value_of(model: FoundModel, name: str) -> str:
    """Returns what a model has of the property that a filter looks at."""
    return str(getattr(model if name in ("network", "dataset") else model.run, name))


def choices(found: Found, name: str) -> list[str]:
    """Returns what a filter can be set to: seeds in the order of numbers, all else in that of letters."""
    return sorted(
        {value_of(model, name) for model in found.models}, key=lambda value: (len(value) * (name == "seed"), value)
    )


def _allowed(found: Found, axes: Iterable[str], columns: Iterable[str]) -> Mapping[str, Any]:
    keys = set(found.by_key)
    orders = {sign + column for column in columns for sign in ("", "-")}
    return {
        **{name: choices(found, name) for name in FILTERS},
        **{"tab": TABS, "within": WITHIN, "axis": list(axes), "sort": orders, "differing": ("all",)},
        **dict.fromkeys(OF_MODELS, keys),
    }
