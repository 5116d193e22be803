"""How far the masks of runs agree: intersection over union of the kept weights."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...utils.text import one_line
from .compared_run import Bits, ComparedRun
from .lines import Setting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agreement:
    """Of the runs at one sparsity.

    Attributes:
        sparsity: that was asked for.
        names: of the runs: line and seed.
        shares: (N, N) in [0, 1]: weights that both keep, of those that one of them keeps.
        by_chance: the mean of what two of them would come to that kept as many weights of each layer, whichever.
    """

    sparsity: float
    names: list[str]
    shares: npt.NDArray[np.float64]
    by_chance: float


@dataclass(frozen=True)
class _Mask:
    name: str
    shapes: dict[str, tuple[int, ...]]
    bits: npt.NDArray[np.uint8]
    kept: npt.NDArray[np.int64]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Of its layers."""
        return np.array([math.prod(shape) for shape in self.shapes.values()])


def agreement_at(setting: Setting, sparsity: float) -> Agreement | None:
    """Returns that of the runs whose masks can be read and are of the same layers; None of fewer than two."""
    runs = {
        f"{cell.label}, {seed}": run
        for cell in setting.column(sparsity)
        for seed, run in cell.runs.items()
        if run.masks is not None and run.result.sparsity > 0
    }
    masks = [mask for name, run in runs.items() if (mask := _read(name, run)) is not None]
    masks = [mask for mask in masks if mask.shapes == masks[0].shapes]
    if len(masks) < 2:
        return None
    shares = np.array([[_intersection_over_union(one.bits, other.bits) for other in masks] for one in masks])
    chances = [_by_chance(one, other) for one, other in combinations(masks, 2)]
    return Agreement(sparsity, [mask.name for mask in masks], shares, float(np.mean(chances)))


def _by_chance(one: _Mask, other: _Mask) -> float:
    """Returns the intersection over union to expect of masks that are independent of each other within each layer.

    With all weights in one, masks would seem to agree that merely leave the same layers dense.
    """
    both = float((one.kept * (other.kept / one.sizes)).sum())
    either = float(one.kept.sum() + other.kept.sum()) - both
    return both / either if either else 1.0


def _read(name: str, run: ComparedRun) -> _Mask | None:
    try:
        masks: Mapping[str, Bits] = run.masks()
    except (OSError, ValueError) as error:
        logger.warning("the mask of %s in %s is left out: it cannot be read (%s)", name, run.folder, one_line(error))
        return None
    flat = np.concatenate([mask.reshape(-1) for mask in masks.values()])
    kept = np.array([int(mask.sum()) for mask in masks.values()])
    return _Mask(name, {layer: mask.shape for layer, mask in masks.items()}, np.packbits(flat), kept)


def _intersection_over_union(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    both, either = (int(np.bitwise_count(bits).sum()) for bits in (one & other, one | other))
    return both / either if either else 1.0
