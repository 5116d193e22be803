"""How many entries a sparsity removes, free of binary rounding."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from ..errors import InputError


def num_dropped(total: int, sparsity: float | str | Decimal | Fraction) -> int:
    """Returns how many of `total` entries a sparsity removes: floor(sparsity * total), free of binary rounding.

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
        such = f", such as {float(exact / 100):g}" if 1 < exact < 100 else ""
        raise InputError(
            f"sparsity {sparsity} is not a number in [0, 1); give the fraction of weights to remove{such}"
        )
    return math.floor(exact * total)


def sparsity_of(dropped: int, total: int) -> Decimal:
    """Returns the shortest decimal that removes `dropped` of `total` entries, 0 <= dropped < total."""
    for digits in range(13):  # as many as `num_dropped` tells apart
        sparsity = Decimal(-(-dropped * 10**digits // total)).scaleb(-digits)
        if sparsity < 1 and num_dropped(total, sparsity) == dropped:
            return sparsity
    raise ValueError(f"{dropped} of {total} entries are removed by no sparsity in [0, 1) of 12 digits")
