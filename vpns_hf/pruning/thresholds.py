"""The exact threshold that drops a given number of scores, and the masks it stands for.

The threshold is the k-th smallest |S| over all layers together: the largest magnitude that is dropped. Entries of equal
magnitude are dropped in the order of their position in the concatenated layers, so exactly k go whatever the ties.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from vpns_hf.errors import InputError
from vpns_hf.models.masked_layers import apply_mask

from .threads import ThreadSharing

CHUNK = 1 << 16  # entries per step in main memory, so that intermediate results stay in a core's cache
NEIGHBOURS = 20_000  # ranks the threshold may move between two selections before a new bracket is looked for
NAN_SCORES = "scores contain NaN, which has no rank; lower the learning rate or look for the NaN in the loss"


def num_dropped(total: int, sparsity: float | str | Decimal | Fraction) -> int:
    """How many of `total` entries a sparsity removes: floor(sparsity * total), free of binary rounding.

    The sparsity counts as the decimal it is written as, and the rounding of a difference such as 1 - 0.9 is undone
    (the nearest fraction with a denominator of at most 10^12 is taken).

    Raises:
        InputError: the sparsity is not a number in [0, 1).
    """
    try:
        exact = Fraction(str(sparsity)).limit_denominator(10**12)
    except (ValueError, ZeroDivisionError):
        exact = Fraction(-1)
    if not 0 <= exact < 1:
        raise InputError(f"sparsity {sparsity} is not a number in [0, 1); give the fraction of weights to remove")
    return math.floor(exact * total)


@dataclass(frozen=True)
class Threshold(ABC):
    """Where the dropped scores end: magnitudes below `value` go, above it stay, ties are split by position.

    Attributes:
        value: 0-dim, float32 (float64 for float64 scores), the largest dropped |S|; 0 when nothing is dropped.
    """

    value: Tensor

    def __float__(self) -> float:
        """The value as a number; waits for the device.

        Raises:
            InputError: a score was NaN.
        """
        value = self.value.item()
        if math.isnan(value):
            raise InputError(NAN_SCORES)
        return value

    @abstractmethod
    def write_masks(self, scores: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        """Fill the bool masks, shaped like the scores that were selected from, in place: True where a score stays."""

    def update(self, scores: Sequence[Tensor], layers: MaskedWeights) -> None:
        """Bring masks and masked weights up to date, in place."""
        self.write_masks(scores, layers.masks)
        write_masked_weights(layers.weights, layers.masks, layers.masked)


class ThresholdSelector(ABC):
    """Finds the threshold that drops exactly `dropped` scores; it depends on the present scores alone."""

    def __init__(self, dropped: int) -> None:
        self.dropped = dropped

    def select(self, scores: Sequence[Tensor]) -> Threshold:
        """The threshold of scores of any shapes on one device, ranked in float32 (float64 if some are).

        Raises:
            InputError: more are to be dropped than there are, or a score is NaN (see the subclass).
        """
        dtype = reduce(torch.promote_types, (score.dtype for score in scores), torch.float32)
        layers = [score.detach().reshape(-1).to(dtype) for score in scores]
        total = sum(layer.numel() for layer in layers)
        if not 0 <= self.dropped <= total:
            raise InputError(f"cannot drop {self.dropped} of {total} scores; choose a number from 0 to {total}")
        return self._find(layers, total)

    @abstractmethod
    def _find(self, layers: list[Tensor], total: int) -> Threshold:
        """The threshold of the flat layers."""


def make_selector(dropped: int, device: torch.device | str) -> ThresholdSelector:
    """The selector for scores on `device`: in main memory the one that reads least, elsewhere one that never waits."""
    return HostSelector(dropped) if torch.device(device).type == "cpu" else DeviceSelector(dropped)


@torch.no_grad()
def write_masks(scores: Sequence[Tensor], threshold: Threshold, masks: Sequence[Tensor]) -> None:
    """Fill the bool masks, shaped like the scores that were selected from, in place: True where a score stays."""
    threshold.write_masks(scores, masks)


@torch.no_grad()
def write_masked_weights(weights: Sequence[Tensor], masks: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Fill `out` in place with each weight where its mask is True and with 0 elsewhere; all shaped alike, one dtype.

    Raises:
        ValueError: the weights are not of a real floating dtype.
    """
    for weight, mask, masked in zip(weights, masks, out, strict=True):
        apply_mask(weight.detach(), mask, out=masked.detach())


@dataclass(frozen=True)
class MaskedWeights:
    """The weights of all layers, their masks, and the weights with zeros where they are masked.

    Attributes:
        weights: one per layer.
        masks: bool, shaped like them.
        masked: shaped like them.
    """

    weights: Sequence[Tensor]
    masks: Sequence[Tensor]
    masked: Sequence[Tensor]


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
        self._near: tuple[float, float] | None = None

    def _find(self, layers: list[Tensor], total: int) -> HostThreshold:
        arrays = [layer.numpy() for layer in layers]
        if self.dropped == 0:
            _refuse_nan(arrays)
            return HostThreshold(torch.zeros((), dtype=layers[0].dtype if layers else None), 0, True, self._sharing)
        below, inside = self._collect_around_threshold(arrays, total)
        _refuse_nan([inside])
        rank = self.dropped - below
        value, dropped_ties, ties = _rank(inside, rank)
        self._near = _neighbourhood(inside, rank)
        first_kept = total if dropped_ties == ties else _tied_position(arrays, value, dropped_ties)
        return HostThreshold(torch.as_tensor(value), first_kept, dropped_ties < ties, self._sharing)

    def _collect_around_threshold(self, arrays: list[np.ndarray], total: int) -> tuple[int, np.ndarray]:
        """As `_collect`, with bounds that hold the threshold: the narrowest that do."""
        if self._near is not None:
            below, inside = self._collect(arrays, *self._near)
            if below < self.dropped <= below + inside.size:
                return below, inside
        below, inside = self._collect(arrays, *self._bracket(arrays, total))
        if not below < self.dropped <= below + inside.size:
            below, inside = self._collect(arrays, 0.0, math.inf)
        return below, inside

    def _bracket(self, arrays: list[np.ndarray], total: int) -> tuple[float, float]:
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
        """The number of magnitudes below `low`, and those in [low, high] (and any NaN)."""
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
        """The sampled |S|, in the order of the layers."""
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


def _rank(magnitudes: np.ndarray, rank: int) -> tuple[float, int, int]:
    """The rank-th smallest value (from 1), how many of its ties are within the rank, and how many there are."""
    magnitudes.partition(rank - 1)
    value = magnitudes[rank - 1]
    return value, rank - np.count_nonzero(magnitudes < value), np.count_nonzero(magnitudes == value)


def _neighbourhood(magnitudes: np.ndarray, rank: int) -> tuple[float, float]:
    """Values some ranks below and above the rank-th smallest: where the threshold will be after a small step."""
    below, above = max(rank - 1 - NEIGHBOURS, 0), min(rank - 1 + NEIGHBOURS, magnitudes.size - 1)
    magnitudes.partition((below, above))
    return magnitudes[below], magnitudes[above]


def _tied_position(arrays: list[np.ndarray], value: float, skip: int) -> int:
    """Position in the concatenated layers of the entry of magnitude `value` that has `skip` such entries before it."""
    start = 0
    for array in arrays:
        tied = np.flatnonzero(np.abs(array) == value)
        if skip < tied.size:
            return start + int(tied[skip])
        skip -= tied.size
        start += array.size
    return start


@dataclass(frozen=True)
class DeviceThreshold(Threshold):
    """A threshold that is never read by the host.

    Attributes:
        first_kept: 0-dim int64, position in the concatenated layers from which on entries equal to `value` stay.
    """

    first_kept: Tensor

    def write_masks(self, scores: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
        start = 0
        for score, mask in zip(scores, masks, strict=True):
            magnitude = score.detach().abs().to(self.value.dtype)
            position = torch.arange(start, start + score.numel(), device=score.device).view(score.shape)
            kept_tie = magnitude.eq(self.value).logical_and_(position >= self.first_kept)
            torch.gt(magnitude, self.value, out=mask).logical_or_(kept_tie)
            start += score.numel()


class DeviceSelector(ThresholdSelector):
    """Selection on an accelerator, without a host synchronisation.

    NaN scores cannot raise here: they make the value NaN and the masks empty, and `float(threshold)` raises.
    """

    def _find(self, layers: list[Tensor], total: int) -> DeviceThreshold:
        magnitudes = torch.cat(layers).abs_()
        value = self._largest_dropped(magnitudes)
        dropped_ties = self.dropped - (magnitudes < value).sum()
        first_kept = ((magnitudes == value).cumsum(0) <= dropped_ties).sum()
        return DeviceThreshold(value.masked_fill(magnitudes.sum().isnan(), math.nan), first_kept)

    def _largest_dropped(self, magnitudes: Tensor) -> Tensor:
        if self.dropped == 0:
            return magnitudes.new_zeros(())
        # not kthvalue: on CUDA it leaves a vector to a single block of threads
        return magnitudes.topk(self.dropped, largest=False, sorted=False).values.amax()
