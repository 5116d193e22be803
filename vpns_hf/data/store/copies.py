"""Images that two splits hold byte for byte, under whatever name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ..images import ImageSource

logger = logging.getLogger(__name__)


def warn_of_copies(sources: Mapping[str, ImageSource]) -> None:
    """Counts the images that stand in two splits, and warns of them; streams are not looked into.

    Args:
        sources: by the name of the split.
    """
    known = {name: source for name, source in sources.items() if getattr(source, "digests", None) is not None}
    for (name, source), (other_name, other) in combinations(known.items(), 2):
        _, rows, other_rows = np.intersect1d(source.digests, other.digests, return_indices=True)
        if len(rows):
            count = int(np.isin(other.digests, source.digests).sum())
            example = f"{other.origin.describe(other_rows[0])} is {source.origin.describe(rows[0])}"
            words = "%d of %d %s images are %s images too, byte for byte: %s"
            logger.warning(words, count, len(other), other_name, name, example)
