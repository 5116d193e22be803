"""Weights in one file, or in several with an index, which may come from anybody."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
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


def remove_replaced(folder: str | os.PathLike, variant: str | None) -> None:
    """Removes what an earlier save left beside the weights just saved: a single file, or an index without its shards.

    Loaders would take it for the model. The stock save removes old shards only.
    """
    infix = "" if variant is None else f".{variant}"
    single, index = Path(folder) / f"model{infix}.safetensors", Path(folder) / f"model.safetensors.index{infix}.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        is_sharded = all((single.parent / shard).is_file() for shard in shards)
        (single if is_sharded else index).unlink(missing_ok=True)
