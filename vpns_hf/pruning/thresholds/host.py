"""Selection in main memory: one pass over the scores, shared out over threads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from .following import WrittenLayers, undecided_entries, write_changes
from .threads import ThreadSharing
from .threshold import NAN_SCORES, MaskedWeights, Threshold, ThresholdSelector

CHUNK = 1 << 16  # entries per step in main memory, so that intermediate results stay in a core's cache
NEIGHBOURS = 20_000  # ranks the threshold may move between two selections before a new bracket is looked for


@dataclass(frozen=True)
class Piece:
    """A piece of a layer in main memory; `keep` tells from |scores| and the threshold whether an entry stays."""

    keep: np.ufunc
    scores: np.ndarray
    mask: np.ndarray

    def write(self, value: np.floating) -> None:
        """Writes the mask."""
        self.keep(np.abs(self.scores), value, out=self.mask)


@dataclass(frozen=True)
class HostThreshold(Threshold):
    """A threshold in main memory.

    Attributes:
        first_kept: position in the concatenated layers from which on entries equal to `value` stay.
        splits_ties: whether any entry equal to `value` stays.
        sharing: the threads that write the masks.
    """

    first_kept: int
    splits_ties: bool
    sharing: ThreadSharing

    def write_masks(self, scores: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        kept = [mask.reshape(-1) for mask in masks]  # views, or copies where a mask has another memory order
        self._share(Piece.write, self._arrays(scores), [layer.numpy() for layer in kept])
        for mask, layer in zip(masks, kept, strict=True):
            if not mask.is_contiguous():
                mask.copy_(layer.view(mask.shape))

    def update(self, scores: Sequence[Tensor], layers: MaskedWeights) -> None:
        if self.splits_ties or any(tensor.dtype != torch.float32 for tensor in (*scores, *layers.weights)):
            return super().update(scores, layers)
        # One buffer that stays in the cache stands for what would be temporaries as large as all weights.
        space = torch.empty(max((score.numel() for score in scores), default=0))
        for score, weight, mask, masked in zip(scores, *vars(layers).values(), strict=True):
            magnitude = space[: score.numel()].view(score.shape)
            torch.abs(score.detach(), out=magnitude)
            torch.gt(magnitude, self.value, out=mask)
            bits = magnitude.view(torch.int32).copy_(mask)
            torch.mul(weight.detach().view(torch.int32), bits, out=masked.view(torch.int32))
        return None

    def _arrays(self, scores: Sequence[Tensor]) -> list[np.ndarray]:
        return [score.detach().reshape(-1).to(self.value.dtype).numpy() for score in scores]

    def _share(self, work: Callable[[Piece, np.floating], None], *groups: list[np.ndarray]) -> None:
        value = self.value.numpy()[()]

        def work_on(pieces: Sequence[Piece]) -> None:
            for piece in pieces:
                work(piece, value)

        self.sharing.map(work_on, list(self._pieces(groups)))

    def _pieces(self, groups: Sequence[list[np.ndarray]]) -> Iterator[Piece]:
        start = 0
        for layer in zip(*groups, strict=True):
            ties_until = min(max(self.first_kept - start, 0), layer[0].size)
            for part, keep in ((slice(ties_until), np.greater), (slice(ties_until, None), np.greater_equal)):
                chunks = zip(*(_chunks(array[part]) for array in layer), strict=True)
                yield from (Piece(keep, *arrays) for arrays in chunks)
            start += layer[0].size


class HostSelector(ThresholdSelector):
    """Selection in main memory that reads every score once.

    Two values bracket the threshold; one pass counts what lies below them and collects the little in between, where the
    exact rank is looked up. The bracket is the neighbourhood of the last threshold; should it miss, one drawn from a
    sample; should that miss, everything. Whatever the bracket, the result is exact. Follows Floyd and Rivest,
    "Expected time bounds for selection", Communications of the ACM 18(3), 1975.

    `select` raises InputError when a score is NaN.
    """

    SAMPLE = 1 << 16

    def __init__(self, dropped: int) -> None:
        super().__init__(dropped)
        self._sample = StratifiedSample(self.SAMPLE)
        self._sharing = ThreadSharing()
        self._written = WrittenLayers()
        self._near: tuple[float, float] | None = None

    def renew(self, scores: Sequence[Tensor], layers: MaskedWeights) -> Threshold:
        threshold = self._follow(scores, layers) or super().renew(scores, layers)
        self._written.remember(layers)
        return threshold

    def _follow(self, scores: Sequence[Tensor], layers: MaskedWeights) -> HostThreshold | None:
        """As `renew`, from what was written last; None, and nothing written, where that is of no use."""
        if self._near is None or not self._written.are(layers) or not _are_plain(scores, layers):
            return None
        entries = undecided_entries(scores, layers.masks, *self._near)
        is_below = entries.magnitudes < self._near[0]
        inside = entries.magnitudes[(entries.magnitudes > self._near[1]) == is_below]
        below = self.dropped - np.count_nonzero(~entries.kept) + np.count_nonzero(is_below)
        if not below < self.dropped <= below + inside.size:
            return None
        value, dropped_ties, ties = self._rank(inside, self.dropped - below)
        kept = entries.magnitudes > value
        kept_ties = np.flatnonzero(entries.magnitudes == value)[dropped_ties:]
        kept[kept_ties] = True
        write_changes(entries, kept, layers)
        first_kept = int(entries.positions[kept_ties[0]]) if kept_ties.size else sum(map(torch.numel, scores))
        return HostThreshold(torch.as_tensor(value), first_kept, dropped_ties < ties, self._sharing)

    def _find(self, layers: list[Tensor], total: int) -> HostThreshold:
        arrays = [layer.numpy() for layer in layers]
        if self.dropped == 0:
            _refuse_nan(arrays)
            return HostThreshold(torch.zeros((), dtype=layers[0].dtype if layers else None), 0, True, self._sharing)
        below, inside = self._collect_around_threshold(arrays, total)
        value, dropped_ties, ties = self._rank(inside, self.dropped - below)
        first_kept = total if dropped_ties == ties else _tied_position(arrays, value, dropped_ties)
        return HostThreshold(torch.as_tensor(value), first_kept, dropped_ties < ties, self._sharing)

    def _rank(self, magnitudes: np.ndarray, rank: int) -> tuple[np.floating, int, int]:
        """As the function `_rank`; refuses NaN and remembers the neighbourhood."""
        _refuse_nan([magnitudes])
        found = _rank(magnitudes, rank)
        self._near = _neighbourhood(magnitudes, rank)
        return found

    def _collect_around_threshold(self, arrays: list[np.ndarray], total: int) -> tuple[int, np.ndarray]:
        """As `_collect`, with bounds that hold the threshold: the narrowest that do."""
        if self._near is not None:
            below, inside = self._collect(arrays, *self._near)
            if below < self.dropped <= below + inside.size:
                return below, inside
        below, inside = self._collect(arrays, *self.bracket(arrays, total))
        if not below < self.dropped <= below + inside.size:
            below, inside = self._collect(arrays, 0.0, math.inf)
        return below, inside

    def bracket(self, arrays: list[np.ndarray], total: int) -> tuple[float, float]:
        """Bounds that contain the threshold but for about one time in 10,000: four standard errors of its rank."""
        if total <= 4 * self.SAMPLE:
            return 0.0, math.inf
        sample = self._sample.magnitudes(arrays)
        share = self.dropped / total
        margin = 4 * math.sqrt(share * (1 - share) * sample.size) + 2
        low, high = math.floor(share * sample.size - margin), math.ceil(share * sample.size + margin)
        sample.sort()  # any NaN last, where it leaves the bracket open
        return sample[low] if low >= 0 else 0.0, sample[high] if high < sample.size else math.inf

    def _collect(self, arrays: list[np.ndarray], low: float, high: float) -> tuple[int, np.ndarray]:
        """Returns the number of magnitudes below `low`, and those in [low, high] (and any NaN)."""
        chunks = list(itertools.chain.from_iterable(map(_chunks, arrays)))
        shares = self._sharing.map(lambda share: _count_and_collect(share, low, high), chunks)
        return sum(below for below, _ in shares), np.concatenate([inside for _, inside in shares])


def _count_and_collect(chunks: Sequence[np.ndarray], low: float, high: float) -> tuple[int, np.ndarray]:
    magnitude = np.empty(CHUNK, chunks[0].dtype if chunks else np.float32)
    is_below, is_inside = np.empty((2, CHUNK), bool)
    below, inside = 0, [magnitude[:0]]
    for chunk in chunks:
        part, lower, within = magnitude[: chunk.size], is_below[: chunk.size], is_inside[: chunk.size]
        np.abs(chunk, out=part)
        np.less(part, low, out=lower)
        np.greater(part, high, out=within)
        np.equal(lower, within, out=within)  # neither below nor above
        below += np.count_nonzero(lower)
        inside.append(part.compress(within))
    return below, np.concatenate(inside)


class StratifiedSample:
    """Entries at fixed random positions, one in each of `size` equal stretches of the concatenated layers.

    Random within the stretch, because a regular step can keep meeting the same place of a 3x3 kernel.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._sizes: list[int] = []
        self._positions: list[np.ndarray] = []

    def magnitudes(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Returns the sampled |S|, in the order of the layers."""
        sizes = [array.size for array in arrays]
        if sizes != self._sizes:
            self._sizes, self._positions = sizes, self._draw(sizes)
        picked = [array.take(positions) for array, positions in zip(arrays, self._positions, strict=True)]
        return np.abs(np.concatenate(picked))

    def _draw(self, sizes: list[int]) -> list[np.ndarray]:
        stretches = np.arange(self.size) + np.random.default_rng(0).random(self.size)
        positions = (stretches * (sum(sizes) / self.size)).astype(np.int64)
        ends = np.cumsum(sizes)
        parts = np.split(positions, np.searchsorted(positions, ends[:-1]))
        return [part - start for part, start in zip(parts, ends - sizes, strict=True)]


def _refuse_nan(arrays: Sequence[np.ndarray]) -> None:
    if any(np.isnan(array).any() for array in arrays):
        raise InputError(NAN_SCORES)


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    return (array[start : start + CHUNK] for start in range(0, array.size, CHUNK))


def _are_plain(scores: Sequence[Tensor], layers: MaskedWeights) -> bool:
    """Returns whether positions in the concatenated layers are places in memory, and the scores are ranked as they are."""
    tensors = itertools.chain(scores, layers.weights, layers.masks, layers.masked)
    return all(score.dtype == torch.float32 for score in scores) and all(map(Tensor.is_contiguous, tensors))


def _rank(magnitudes: np.ndarray, rank: int) -> tuple[np.floating, int, int]:
    """Returns the rank-th smallest value (from 1), how many of its ties are within the rank, and how many there are."""
    magnitudes.partition(rank - 1)
    value = magnitudes[rank - 1]
    return value, rank - np.count_nonzero(magnitudes < value), np.count_nonzero(magnitudes == value)


def _neighbourhood(magnitudes: np.ndarray, rank: int) -> tuple[float, float]:
    """Values some ranks below and above the rank-th smallest: where the threshold will be after a small step.

    Where there are fewer magnitudes on a side, it goes on as they do, so that a threshold that drifts stays inside.
    """
    below, above = max(rank - 1 - NEIGHBOURS, 0), min(rank - 1 + NEIGHBOURS, magnitudes.size - 1)
    magnitudes.partition((below, above))
    low, high = float(magnitudes[below]), float(magnitudes[above])
    spacing = (high - low) / max(above - below, 1) if math.isfinite(high) else 0.0
    largest = float(np.finfo(magnitudes.dtype).max)
    low -= spacing * (NEIGHBOURS - (rank - 1 - below))
    high = max(min(high + spacing * (NEIGHBOURS - (above - rank + 1)), largest), high)
    # Plain numbers: a NumPy float64 would make every comparison with float32 scores one in float64, four times as slow.
    return float(max(low, 0.0)), float(high)


def _tied_position(arrays: list[np.ndarray], value: float, skip: int) -> int:
    """Returns position in the concatenated layers of the entry of magnitude `value` that has `skip` such entries before it."""
    start = 0
    for array in arrays:
        tied = np.flatnonzero(np.abs(array) == value)
        if skip < tied.size:
            return start + int(tied[skip])
        skip -= tied.size
        start += array.size
    return start
