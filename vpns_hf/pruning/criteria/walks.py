"""Random walks through the channels of a network, many at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .channel_graph import Crossing

NEVER = np.iinfo(np.int32).max


class Passage(Protocol):
    """How walks cross from the channels before it to those behind it, and back."""

    def forward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Returns the channels behind it, given those before it, one of each walk."""

    def backward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Returns the channels before it, given those behind it."""


@dataclass(frozen=True)
class Spread:
    """Every channel becomes `spread` of them, of which one is drawn; 1 leaves channels as they are."""

    spread: int = 1

    def forward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        if self.spread == 1:
            return channels
        return channels * self.spread + generator.integers(self.spread, size=len(channels))

    def backward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return channels // self.spread


class Kernels:
    """A layer: kernels are drawn by the sum of their |w|, and within one a position by |w|; both are noted.

    Args:
        magnitudes: |w| of the layer, (outputs, inputs of a group, *kernel) float32.
        groups: of channels.
        outputs: channels that walks may end in; all if not given.

    Attributes:
        first: the number of the walk that was the first to pass each weight, flat int32, or NEVER.
        visited: how many weights walks have passed.
    """

    def __init__(self, magnitudes: np.ndarray, groups: int = 1, outputs: Sequence[int] | None = None) -> None:
        self.outputs, self.inputs = magnitudes.shape[0] // groups, magnitudes.shape[1]
        self.magnitudes = magnitudes.reshape(len(magnitudes) * self.inputs, -1)
        self.first = np.full(magnitudes.size, NEVER, np.int32)
        self.visited = 0
        norms = self.magnitudes.sum(1).reshape(groups, self.outputs, self.inputs)
        allowed = np.ones(len(magnitudes), np.float32)
        if outputs is not None:
            allowed = np.zeros(len(magnitudes), np.float32)
            allowed[list(outputs)] = 1
        allowed = allowed.reshape(groups, self.outputs, 1)
        ahead, likely = (kind.transpose(0, 2, 1) for kind in (norms * allowed, np.broadcast_to(allowed, norms.shape)))
        self._ahead = _cumulative(ahead.reshape(-1, self.outputs), likely.reshape(-1, self.outputs))
        self._back = _cumulative(norms.reshape(-1, self.inputs), np.ones_like(norms).reshape(-1, self.inputs))

    def forward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        group, local = np.divmod(channels, self.inputs)
        found = group * self.outputs + draw(self._ahead, channels, generator)
        self._note(found * self.inputs + local, walks, generator)
        return found

    def backward(self, channels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        local = draw(self._back, channels, generator)
        self._note(channels * self.inputs + local, walks, generator)
        return channels // self.outputs * self.inputs + local

    def _note(self, kernels: np.ndarray, walks: np.ndarray, generator: np.random.Generator) -> None:
        size = self.magnitudes.shape[1]
        places = kernels * size
        if size > 1:
            rows = self.magnitudes[kernels]
            places += draw(_cumulative(rows, np.ones_like(rows)), np.arange(len(rows)), generator)
        self.visited += np.unique(places[self.first[places] == NEVER]).size
        np.minimum.at(self.first, places, walks)


def draw(cumulative: np.ndarray, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns a column for each of `rows`, drawn in proportion to what its running sum grows by there.

    Args:
        cumulative: (n, columns), each row a running sum that ends above 0.
        rows: of it.
        generator: to draw with.
    """
    goals = generator.random(len(rows)) * cumulative[rows, -1]
    low, high = np.zeros(len(rows), np.int64), np.full(len(rows), cumulative.shape[1] - 1)
    for _ in range(math.ceil(math.log2(cumulative.shape[1]))):
        middle = (low + high) // 2
        is_behind = cumulative[rows, middle] > goals
        high, low = np.where(is_behind, middle, high), np.where(is_behind, low, np.minimum(middle + 1, high))
    return low


def walk(
    graph: Sequence[Crossing],
    passages: Sequence[Passage],
    channels: np.ndarray,
    walks: np.ndarray,
    generator: np.random.Generator,
    backward: bool = False,
) -> np.ndarray:
    """Walks from the pixels to the logits, or back; where branches part or meet, each is as likely.

    Args:
        graph: of the network.
        passages: of each crossing.
        channels: to start from, of the pixels or the logits, one of each walk.
        walks: their numbers.
        generator: to draw with.
        backward: whether they start from the logits.

    Returns:
        The channels at which they end, in the order of their numbers.
    """
    places = range(len(graph))[:: -1 if backward else 1]
    arrived: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in graph]
    arrived[places[0]].append((channels, walks))
    for place in places:
        if not arrived[place]:
            continue
        channels, walks = (np.concatenate(parts) for parts in zip(*arrived[place], strict=True))
        cross = passages[place].backward if backward else passages[place].forward
        channels = cross(channels, walks, generator)
        for branch, taken in _parted(graph[place].inputs if backward else graph[place].users, len(walks), generator):
            arrived[branch].append((channels[taken], walks[taken]))
    return channels[np.argsort(walks)]


def _parted(
    branches: Sequence[int], count: int, generator: np.random.Generator
) -> Iterator[tuple[int, np.ndarray | slice]]:
    """Yields branches and which of `count` walks take them."""
    if len(branches) == 1:
        yield branches[0], slice(None)
    elif branches:
        chosen = generator.integers(len(branches), size=count)
        for number, branch in enumerate(branches):
            if (taken := np.flatnonzero(chosen == number)).size:
                yield branch, taken


def _cumulative(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Returns running sums along rows, float32; a row of zeros takes those of `otherwise`."""
    is_zero = ~values.any(1, keepdims=True)
    return np.cumsum(np.where(is_zero, otherwise, values), 1, dtype=np.float32)
