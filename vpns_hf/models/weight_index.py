"""The index of weights that are stored in several files, which may come from anybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any


def check_weight_map(index: Mapping[str, Any]) -> None:
    """Checks that the files an index names are in its folder.

    Args:
        index: with `weight_map`, {tensor: file}; without it there is nothing to check.

    Raises:
        ValueError: if one is not.
    """
    weight_map = index.get("weight_map", {})
    names = weight_map.values() if isinstance(weight_map, Mapping) else [weight_map]
    outside = [name for name in names if not _is_inside(name)]
    if outside:
        raise ValueError(f"its index of weights names {outside[0]!r}, which is no file in its folder: do not use it")


def _is_inside(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    path = PureWindowsPath(name)  # knows all separators
    return not path.anchor and ".." not in path.parts
