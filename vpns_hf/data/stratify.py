"""A seeded cut of rows in two that keeps the share of every class."""

from __future__ import annotations

import numpy as np


def stratified_cut(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts rows in two, class by class.

    Args:
        labels: integers of shape (N,), the class of each row.
        fraction: in (0, 1), the share of the second part. Its size is `fraction * N` rounded, less where a class
            would be left without a row: the first part keeps at least one row of every class.
        seed: the same seed gives the same rows.

    Returns:
        The row numbers of the first and of the second part, each in ascending order.
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank_in_class = np.arange(len(labels)) - np.repeat(starts, counts)
    in_second = rank_in_class < np.repeat(_quotas(counts, fraction), counts)
    return np.sort(by_class[~in_second]), np.sort(by_class[in_second])


def balanced_rows(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Choose the same number of rows of every class.

    Args:
        labels: integers of shape (N,), the class of each row.
        per_class: rows of each class; one that has fewer gives what it has.
        seed: the same seed gives the same rows.

    Returns:
        The row numbers in ascending order.
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank_in_class = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.sort(by_class[rank_in_class < per_class])


def _quotas(counts: np.ndarray, fraction: float) -> np.ndarray:
    """Returns how many rows of each class go to the second part: largest remainders, ties to the first class."""
    wanted = counts * fraction
    quotas = np.floor(wanted).astype(np.int64)
    missing = max(round(counts.sum() * fraction) - quotas.sum(), 0)
    by_remainder = np.argsort(-(wanted - quotas), kind="stable")
    has_room = by_remainder[quotas[by_remainder] < counts[by_remainder] - 1]
    quotas[has_room[:missing]] += 1
    return quotas
