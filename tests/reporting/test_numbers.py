from __future__ import annotations

import pytest

from vpns_hf.reporting import (
    count,
    duration,
    megabytes,
    milliseconds,
    operations,
    percent,
    points,
    short_percent,
    sparsity_name,
)


@pytest.mark.parametrize(
    "written, expected",
    [
        (percent(0.95284), "95.28%"),
        (percent(None), "not measured"),
        (short_percent(0.7), "70%"),
        (short_percent(0.57), "57%"),
        (short_percent(0.955), "95.5%"),
        (points(0.9417, 0.9556), "94.17 (-1.39)"),
        (points(0.9583, 0.9556), "95.83 (+0.27)"),
        (points(0.95555, 0.95556), "95.56 (+0.00)"),
        (points(0.9, None), "90.00"),
        (points(None, 0.9), "not measured"),
        (count(11678912), "11,678,912"),
        (count(None), "not measured"),
        (duration(27.75), "27.8"),
        (duration(99.97), "100"),
        (duration(12345.6), "12,346"),
        (megabytes(46827520), "46.83 MB"),
        (megabytes(None), "not measured"),
        (milliseconds(12.345), "12.3 ms"),
        (milliseconds(1234.5), "1,234 ms"),
        (milliseconds(None), "not measured"),
        (operations(1814073344), "1.81 G"),
        (operations(544222003), "544 M"),
        (operations(999), "0.999 k"),
        (operations(544222003, 0.3), "544 M (30.00%)"),
        (operations(None), "not measured"),
        (sparsity_name(0.7), "sparsity-70"),
        (sparsity_name(0.57), "sparsity-57"),
        (sparsity_name(0.955), "sparsity-95.5"),
        (sparsity_name(0.0), "sparsity-0"),
    ],
)
def test_how_numbers_are_written(written, expected):
    assert written == expected
