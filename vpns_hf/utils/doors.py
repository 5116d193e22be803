"""A package whose names are imported when they are first asked for, so that its light parts stay quick to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def door(package: str, places: Mapping[str, Sequence[str]]) -> tuple[list[str], Callable[[str], Any]]:
    """Returns `__all__` and `__getattr__` of a package.

    Args:
        package: its `__name__`.
        places: {module of the package: names it has}.
    """
    places_of_names = {name: module for module, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in places_of_names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places_of_names[name]}"), name)

    return sorted(places_of_names), get
