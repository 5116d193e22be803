"""Columns that store images without saying so, as files that `datasets` did not write do."""

from __future__ import annotations

from collections.abc import Mapping

import datasets

from vpns_hf.data.columns import IMAGE_NAMES

BINARY = (datasets.Value("binary"), datasets.Value("large_binary"))


def image_bytes(features: Mapping[str, object]) -> list[str]:
    """The columns to take for images: of {bytes, path}, and where no other can be meant, one of plain bytes.

    Args:
        features: of all columns, by name.
    """
    stored = [name for name, kind in features.items() if isinstance(kind, dict) and set(kind) == {"bytes", "path"}]
    if stored or any(isinstance(kind, datasets.Image) for kind in features.values()):
        return stored
    plain = [name for name, kind in features.items() if kind in BINARY]
    return plain if len(plain) == 1 else [name for name in plain if name in IMAGE_NAMES]
