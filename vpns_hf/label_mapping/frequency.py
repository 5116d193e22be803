"""Frequency label mapping: each target class is read from the source class its images are most often taken for.

Source: Chen et al., "Understanding and Improving Visual Prompting: A Label-Mapping Perspective", arXiv 2211.11635,
section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from .base import LabelMapping, check_enough_sources


def frequency_map(counts: Tensor) -> Tensor:
    """Assigns source classes greedily by count.

    Takes the largest entry of the table (ties: lowest source class, then lowest target class), assigns its source
    class to its target class, blanks its row and column, and repeats. Target classes that were never predicted get
    the lowest source classes left.

    Args:
        counts: (S, T) integers, S >= T; counts[s, t] images of target class t were taken for source class s.

    Returns:
        (T,) int64, one-to-one.

    Raises:
        ValueError: if T is larger than S.
    """
    table = counts.cpu().numpy().astype(np.int64)
    num_source, num_target = table.shape
    check_enough_sources(num_source, num_target)
    assigned = np.full(num_target, -1, dtype=np.int64)
    for source, target in _by_count(table):
        if assigned[target] < 0 and source not in assigned:
            assigned[target] = source
    free = [source for source in range(num_source) if source not in assigned]
    for target in np.flatnonzero(assigned < 0):
        assigned[target] = free.pop(0)
    return torch.from_numpy(assigned)


def _by_count(table: np.ndarray) -> np.ndarray:
    """Returns the (source, target) pairs with a count above 0, largest first, then by source, then by target."""
    pairs = np.argwhere(table > 0)
    order = np.argsort(-table[pairs[:, 0], pairs[:, 1]], kind="stable")
    return pairs[order]


class FrequencyMapping(LabelMapping):
    """Fits `frequency_map` once, with the masked network before any training."""

    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        return frequency_map(count_predictions())


class IterativeMapping(FrequencyMapping):
    """Fits `frequency_map` again with the current prompt while the mask is being searched."""

    repeats = True
