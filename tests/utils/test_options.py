from __future__ import annotations

import math

import pytest

from tests.helpers import refusal
from vpns_hf.utils.options import Range


@pytest.mark.parametrize(
    ("allowed", "inside", "outside", "words"),
    [
        (Range(1, 4096), [1, 4096], [0, 4097, math.nan], "1 to 4096"),
        (Range(2), [2, 2**31 - 1], [1, 2**31, math.inf], "2 to 2147483647"),
        (Range(0, math.inf), [0, 1e300], [-1e-9, math.inf, math.nan], "at least 0 and finite"),
        (Range(0, math.inf, open_at=(0,)), [1e-9], [0, 0.0, math.inf], "above 0 and finite"),
        (Range(0, 1, open_at=(1,)), [0, 0.5], [1, 1.0, -0.1], "at least 0 and below 1"),
        (Range(0, 1, open_at=(0, 1)), [0.5], [0, 1, math.nan], "above 0 and below 1"),
    ],
)
def test_what_is_inside_and_how_it_is_said(allowed, inside, outside, words):
    for value in inside:
        allowed.check("speed", value)
    for value in outside:
        assert refusal(allowed.check, "speed", value) == f"speed is {value}; allowed: {words}"
