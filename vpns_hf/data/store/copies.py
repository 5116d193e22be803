"""Images that two splits hold byte for byte, under whatever name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ..images import ImageSource

logger = logging.getLogger(__name__)

NOT_IN_A_STREAM = (
    "copies of images in two splits are not looked for in a stream, except with --on_bad_image skip or keep"
)


def count_copies(sources: Mapping[str, ImageSource]) -> dict[str, dict[str, int]]:
    """Counts the images that stand in two splits, and warns of them; says where the bytes of images are not known.

    Args:
        sources: by the name of the split.

    Returns:
        {"test": {"train": 12}}: how many images of a split are images of an earlier one too; {} if none are.
    """
    known = {name: source for name, source in sources.items() if getattr(source, "digests", None) is not None}
    if len(known) < len(sources):
        logger.info("%s", NOT_IN_A_STREAM)
    found: dict[str, dict[str, int]] = {}
    for (name, source), (other_name, other) in combinations(known.items(), 2):
        _, rows, other_rows = np.intersect1d(source.digests, other.digests, return_indices=True)
        if len(rows):
            count = int(np.isin(other.digests, source.digests).sum())
            found.setdefault(other_name, {})[name] = count
            example = f"{other.origin.describe(other_rows[0])} is {source.origin.describe(rows[0])}"
            words = "%d of %d %s images are %s images too, byte for byte: %s"
            logger.warning(words, count, len(other), other_name, name, example)
    return found
