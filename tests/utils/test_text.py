from __future__ import annotations

import pytest

from vpns_hf.utils.text import counted, differences, first_line, megabytes, one_line, without_shared_head


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (one_line(ValueError("no such\n\n  thing ")), "no such thing"),
        (one_line(ValueError()), "ValueError"),
        (first_line(ValueError("\nno such\nthing")), "no such"),
        (first_line(ValueError(" ")), "ValueError"),
        (megabytes(46827520), "46.83 MB"),
        (megabytes(1234567890), "1,234.57 MB"),
        (counted(1, "file"), "1 file"),
        (counted(0, "file"), "0 files"),
    ],
)
def test_words(found, expected):
    assert found == expected


def test_differences_of_values_with_lines_are_one_line():
    assert differences({"a": "x\ny", "b": 1}, {"a": "x", "b": 1}) == ["a x y, now x"]
    assert differences({"a": 1}, {"b": 2}, "there") == ["a 1, there not given", "b not given, there 2"]


def test_names_without_what_they_share():
    assert without_shared_head(["net.a.conv", "net.b.conv"]) == ["a.conv", "b.conv"]
    assert without_shared_head(["net.a.conv", "head"]) == ["net.a.conv", "head"]
    assert without_shared_head(["net.conv"]) == ["conv"]
    assert without_shared_head(["a/b.c", "a/d.c"], "/") == ["b.c", "d.c"]
