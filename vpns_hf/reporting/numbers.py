"""How numbers are written for readers; one that was not measured is said to be so, never invented."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..utils import text

NOT_MEASURED = "not measured"
NO_PROMPT = "no prompt"
NORMAL_95 = 1.959964  # standard deviations around the mean that hold 95% of a normal distribution


def percent(fraction: float | None) -> str:
    """Returns a fraction as a percentage with two decimals and its sign: 0.7 -> "70.00%"."""
    return NOT_MEASURED if fraction is None else f"{100 * fraction:.2f}%"


def short_percent(fraction: float) -> str:
    """Returns a fraction as a percentage with no more digits than it needs: 0.7 -> "70%", 0.955 -> "95.5%"."""
    return f"{_tidy(fraction)}%"


def points(fraction: float | None, reference: float | None) -> str:
    """Returns a percentage, and in brackets how many points it lies above the reference: "94.17 (-1.39)"."""
    if fraction is None:
        return NOT_MEASURED
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    difference = "" if reference is None else f" ({round(100 * (fraction - reference), 2) + 0.0:+.2f})"
    return f"{100 * fraction:.2f}{difference}"


def with_prompt(written: str) -> str:
    """Returns what is written of a figure with the prompt; one that was not measured belongs to a model without one."""
    return NO_PROMPT if written == NOT_MEASURED else written


def interval(fraction: float, images: int) -> tuple[float, float]:
    """Returns the ends of the 95% confidence interval of a fraction counted over `images` (Wilson's, binomial)."""
    z2 = NORMAL_95**2
    centre = (fraction + z2 / (2 * images)) / (1 + z2 / images)
    half = NORMAL_95 * math.sqrt(fraction * (1 - fraction) / images + z2 / (4 * images**2)) / (1 + z2 / images)
    return centre - half, centre + half


def passes(values: Sequence[float | None]) -> str:
    """Returns how often training images were gone through, or from the fewest to the most: "4 passes", "24 to 60 passes".

    Empty if that was not recorded.
    """
    known = sorted({float(f"{value:.4g}") for value in values if value is not None})
    if not known:
        return ""
    ends = [f"{value:g}" for value in (known[0], known[-1])]
    return f"{' to '.join(dict.fromkeys(ends))} {'pass' if known[-1] == 1 else 'passes'}"


def count(number: int | None) -> str:
    """Returns an integer with thousands separators: 11678912 -> "11,678,912"."""
    return NOT_MEASURED if number is None else f"{number:,}"


def duration(seconds: float) -> str:
    """Seconds, with one decimal below 100."""
    return f"{seconds:.1f}" if seconds < 99.95 else f"{seconds:,.0f}"


def megabytes(size: int | None) -> str:
    """Returns a size in bytes as 10^6 bytes with two decimals: 46827520 -> "46.83 MB"."""
    return NOT_MEASURED if size is None else text.megabytes(size)


def operations(number: int | None, share: float | None = None) -> str:
    """Returns a count of operations with three digits that matter: 1814073344 -> "1.81 G", 1357824 -> "1.36 M".

    Args:
        number: of operations.
        share: of another count, in [0, 1], to stand in brackets: "544 M (30.00%)".
    """
    if number is None:
        return NOT_MEASURED
    unit, size = next((pair for pair in (("G", 1e9), ("M", 1e6)) if number >= pair[1]), ("k", 1e3))
    written = f"{number / size:.3g} {unit}"
    return written if share is None else f"{written} ({percent(share)})"


def milliseconds(value: float | None) -> str:
    """Returns a time in milliseconds with at least three digits that matter: 12.345 -> "12.3 ms", 1234.5 -> "1,234 ms"."""
    if value is None:
        return NOT_MEASURED
    return f"{value:.3g} ms" if value < 999.5 else f"{value:,.0f} ms"


def sparsity_name(sparsity: float) -> str:
    """Returns the name of a run in folders and tags: 0.7 -> "sparsity-70", 0.955 -> "sparsity-95.5"."""
    return f"sparsity-{_tidy(sparsity)}"


def granularity_name(granularity: str) -> str:
    """Returns the name of a granularity in ids and tags: "2:4" -> "2of4"."""
    return granularity.replace(":", "of")


def _tidy(fraction: float) -> str:
    # Rounding takes away what binary fractions add: 100 * 0.57 is 56.99999999999999.
    return f"{round(100 * fraction, 6):.10g}"
