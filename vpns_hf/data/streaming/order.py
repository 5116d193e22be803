"""The random order of an epoch for rows that are read forward: pieces shuffled, then rows in a buffer."""

from __future__ import annotations

import math

import torch

# So many places of the data are read at the same time; 1, 2, 4 and 8 processes share them out.
LANES = 8


def stream_order(pieces: torch.Tensor, buffer: int, processes: int, generator: torch.Generator) -> torch.Tensor:
    """Returns a random order in which no row is far from where reading forward finds it.

    The pieces are put in random order and the rows of all cut into lanes of equal length. Within a lane each row moves
    back by a random number of places, at most its share of `buffer`; lanes take turns. But for the last turn row k of
    the order is of lane k % lanes, so a process that takes every `processes`-th row reads its lanes only.

    Args:
        pieces: int64 (N,), ascending, the piece each row is in.
        buffer: rows that are held back at most, at least 1.
        processes: the order is the same for all numbers that divide `LANES`.
        generator: of the order.

    Returns:
        int64 (N,), a permutation.
    """
    count, lanes = len(pieces), math.lcm(LANES, processes)
    found = torch.unique_consecutive(pieces, return_inverse=True)[1]
    places = torch.randperm(int(found.max()) + 1, generator=generator)
    read = places[found].argsort(stable=True)
    position = torch.arange(count)
    lane = position * lanes // count
    moved = position + torch.rand(count, generator=generator, dtype=torch.float64) * max(buffer / lanes, 1)
    # By lane, and within a lane by where rows have moved to; both parts of the key are exact in 64 bits.
    by_lane = (lane * (count + buffer + 1) + moved).argsort()
    first = torch.searchsorted(lane, torch.arange(lanes))
    turn = (position - first[lane]) * lanes + lane
    return read[by_lane][turn.argsort()]
