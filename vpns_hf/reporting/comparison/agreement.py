"""How far the masks of runs agree: intersection over union of the kept weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
        by_chance: what masks of the mean density that know nothing of each other come to.
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
    density: float


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
    return Agreement(sparsity, [mask.name for mask in masks], shares, by_chance([mask.density for mask in masks]))


def by_chance(densities: Sequence[float]) -> float:
    """Returns the intersection over union to expect of independent masks: d / (2 - d) at their mean density d."""
    density = float(np.mean(densities))
    return density / (2 - density)


def _read(name: str, run: ComparedRun) -> _Mask | None:
    try:
        masks: Mapping[str, Bits] = run.masks()
    except (OSError, ValueError) as error:
        logger.warning("the mask of %s in %s is left out: it cannot be read (%s)", name, run.folder, one_line(error))
        return None
    flat = np.concatenate([mask.reshape(-1) for mask in masks.values()])
    return _Mask(name, {layer: mask.shape for layer, mask in masks.items()}, np.packbits(flat), float(flat.mean()))


def _intersection_over_union(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    both, either = (int(np.bitwise_count(bits).sum()) for bits in (one & other, one | other))
    return both / either if either else 1.0
