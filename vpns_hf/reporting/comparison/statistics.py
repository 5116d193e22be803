"""Spread over seeds, and the difference of two methods with its 95% confidence interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...utils.extras import of_extra
from .compared_run import Bits

DRAWS = 10_000


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of some values; no deviation of one.

    Attributes:
        mean: of the values.
        deviation: with n - 1 in the denominator.
        count: of the values.
    """

    mean: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns that of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation, len(values))


@dataclass(frozen=True)
class Interval:
    """A mean difference with the ends of its 95% confidence interval.

    Attributes:
        mean: of the differences, in the unit of the values.
        low, high: the ends; None where there are none.
        count: of the differences.
        over: what each of them is of: "seeds" or "images".
        remark: why there are no ends; empty if there are.
    """

    mean: float
    low: float | None
    high: float | None
    count: int
    over: str
    remark: str = ""


def over_seeds(one: Mapping[int, float], other: Mapping[int, float]) -> Interval:
    """Returns the difference one - other over the seeds that both have (paired t).

    The ends are mean ± t * s / sqrt(n), with s the sample standard deviation of the n differences and t the 97.5%
    quantile of Student's distribution of n - 1 degrees of freedom.

    Args:
        one: {seed: value}; at least one seed is in `other` too.
        other: likewise.
    """
    spread = Spread.of([one[seed] - other[seed] for seed in one if seed in other])
    try:
        remark, half = "", _half_width(spread)
    except InputError as error:
        remark, half = str(error), None
    if half is None:
        return Interval(spread.mean, None, None, spread.count, "seeds", remark or _without_ends(spread))
    return Interval(spread.mean, spread.mean - half, spread.mean + half, spread.count, "seeds")


def over_images(one: Bits, other: Bits) -> Interval:
    """Returns the difference of the accuracies one - other over test images (paired bootstrap, percentiles).

    Each image adds -1, 0 or 1, so that drawing images with replacement is drawing the counts of the three; 10,000 times
    from a fixed seed.

    Args:
        one: (N,) which images are classified rightly.
        other: (N,) likewise, of the same images.
    """
    differences = one.astype(np.int64) - other.astype(np.int64)
    images = len(differences)
    if not differences.any():
        return Interval(0.0, None, None, images, "images", "both classify the same images rightly")
    shares = [float(np.mean(differences == value)) for value in (-1, 0, 1)]
    drawn = np.random.default_rng(0).multinomial(images, shares, size=DRAWS)
    low, high = np.quantile((drawn[:, 2] - drawn[:, 0]) / images, [0.025, 0.975])
    return Interval(float(differences.mean()), float(low), float(high), images, "images")


def binomial_deviation(fraction: float, images: int) -> float:
    """Returns the standard deviation of a fraction counted over so many images."""
    return math.sqrt(fraction * (1 - fraction) / images)


def _half_width(spread: Spread) -> float | None:
    if not spread.deviation or math.isclose(spread.deviation, 0, abs_tol=1e-12):
        return None  # of differences that are all the same an interval would have no width
    return _student_quantile(spread.count - 1) * spread.deviation / math.sqrt(spread.count)


def _without_ends(spread: Spread) -> str:
    return (
        "one seed, and which images were classified rightly is not known"
        if spread.count == 1
        else "no spread over seeds"
    )


def _student_quantile(freedom: int) -> float:
    """Returns the 97.5% quantile of Student's t distribution."""
    with of_extra("confidence intervals over seeds need scipy", "study"):
        from scipy.special import stdtrit
    return float(stdtrit(freedom, 0.975))
