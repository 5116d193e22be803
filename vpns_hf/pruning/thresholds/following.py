"""Masks in main memory that follow their scores: only the entries that change are written.

From one update to the next nearly every score stays on its side of the threshold. One pass over the scores finds the few
whose mask the neighbourhood of the last threshold does not confirm; everything else is right already.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...models.masked_layers import bit_pattern
from .threshold import MaskedWeights

CHUNK = 1 << 18  # entries per step: intermediate results stay in a core's cache, and calls are few


@dataclass(frozen=True)
class Undecided:
    """Entries whose mask may have to change, by their position in the concatenated layers, in ascending order.

    Attributes:
        positions: int64.
        magnitudes: |scores|, possibly NaN.
        kept: the mask so far.
    """

    positions: np.ndarray
    magnitudes: np.ndarray
    kept: np.ndarray


def undecided_entries(scores: Sequence[Tensor], masks: Sequence[Tensor], low: float, high: float) -> Undecided:
    """Returns all entries but those that are dropped and below `low`, or kept and above `high`.

    Args:
        scores: float32, contiguous.
        masks: bool, contiguous, shaped like them.
        low: lower end of a bracket, in float32.
        high: its upper end.
    """
    entries, start = [Undecided(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, bool))], 0
    space = np.empty(CHUNK, np.float32), *np.empty((2, CHUNK), np.uint8)
    for piece, kept in _chunks(scores, masks):
        magnitude, below, above = (buffer[: piece.size] for buffer in space)
        np.abs(piece, out=magnitude)
        np.less(magnitude, low, out=below.view(bool))
        np.greater(magnitude, high, out=above.view(bool))
        np.bitwise_xor(below, kept.view(np.uint8), out=below)
        np.bitwise_xor(above, kept.view(np.uint8), out=above)
        # Now `below` is 1 and `above` 0 exactly where the mask agrees with the side; a NaN is on neither.
        here = np.flatnonzero(np.greater_equal(above, below, out=above.view(bool)))
        entries.append(Undecided(here + start, magnitude[here], kept[here]))
        start += piece.size
    return Undecided(
        *(np.concatenate(parts) for parts in zip(*(vars(part).values() for part in entries), strict=True))
    )


def write_changes(entries: Undecided, kept: np.ndarray, layers: MaskedWeights) -> None:
    """Sets the mask of the undecided entries to `kept`, and the masked weights with it; all tensors are contiguous."""
    changed = entries.kept != kept
    positions, kept = entries.positions[changed], kept[changed]
    ends = np.cumsum([mask.numel() for mask in layers.masks])
    borders = np.searchsorted(positions, ends[:-1])
    parts = zip(np.split(positions, borders), np.split(kept, borders), strict=True)
    for end, (there, keep), tensors in zip(ends, parts, zip(*vars(layers).values(), strict=True), strict=True):
        weight, mask, masked = (
            _flat(tensor if tensor.dtype == torch.bool else bit_pattern(tensor)) for tensor in tensors
        )
        there = there - (end - mask.size)
        mask[there] = keep
        masked[there] = weight[there] * keep
    # NumPy writes past autograd, which has to know of it.
    torch.autograd.graph.increment_version([*layers.masks, *layers.masked])


class WrittenLayers:
    """Remembers what was written where, to tell later whether anybody else has written there since.

    A copy remembers nothing.
    """

    def __init__(self) -> None:
        self._tensors: list[weakref.ref[Tensor]] = []
        self._states: list[tuple[int, int]] = []

    def __reduce__(self) -> tuple:
        return WrittenLayers, ()

    def remember(self, layers: MaskedWeights) -> None:
        """Takes the present contents of weights, masks and masked weights as belonging together."""
        self._tensors = [weakref.ref(tensor) for tensor in _tensors(layers)]
        self._states = [_state(tensor) for tensor in _tensors(layers)]

    def are(self, layers: MaskedWeights) -> bool:
        """Returns whether these are the tensors remembered, unchanged."""
        tensors = list(_tensors(layers))
        return [_state(tensor) for tensor in tensors] == self._states and all(
            known() is tensor for known, tensor in zip(self._tensors, tensors, strict=True)
        )


def _tensors(layers: MaskedWeights) -> Iterator[Tensor]:
    for group in vars(layers).values():
        yield from group


def _state(tensor: Tensor) -> tuple[int, int]:
    """Returns where the contents are, and how often autograd has seen them change."""
    return tensor.data_ptr(), tensor._version  # noqa: SLF001


def _chunks(*groups: Sequence[Tensor]) -> Iterator[tuple[np.ndarray, ...]]:
    for layer in zip(*groups, strict=True):
        flat = [_flat(tensor) for tensor in layer]
        for start in range(0, flat[0].size, CHUNK):
            yield tuple(array[start : start + CHUNK] for array in flat)


def _flat(tensor: Tensor) -> np.ndarray:
    """Returns the memory of a contiguous tensor."""
    return tensor.detach().view(-1).numpy()
