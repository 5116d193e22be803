"""Scales, lines and bars."""

from __future__ import annotations

import re

import pytest

from vpns_hf.browse import Line, Markup, Scale, bars, element, lines


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0, 100), [0, 20, 40, 60, 80, 100]),
        ((0.9, 0.99), [0.9, 0.92, 0.94, 0.96, 0.98]),
        ((1, 1), [0.96, 0.98, 1.0, 1.02, 1.04]),
        ((0, 0), [-0.04, -0.02, 0.0, 0.02, 0.04]),
        ((-3, 1_000_000), [0, 200_000, 400_000, 600_000, 800_000, 1_000_000]),
    ],
)
def test_round_numbers_along_an_axis(values, ticks):
    scale = Scale.around("", values, str)
    assert scale.low < min(values) <= max(values) < scale.high
    assert list(scale.ticks) == pytest.approx(ticks)


def test_epochs_are_whole_numbers():
    assert list(Scale.around("", (1, 2), str, least_step=1).ticks) == [1, 2]
    assert list(Scale.around("", (1, 30), str, least_step=1).ticks) == [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.7001, 0.69996), [0.7]),
        ((0.4, 0.7, 0.9), [0.4, 0.7, 0.9]),
        ((0.4, 0.41, 0.9), [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ([place / 10 for place in range(1, 9)], [0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_few_values_have_their_own_ticks(values, ticks):
    scale = Scale.around("", values, str).with_ticks_at(values)
    assert list(scale.ticks) == pytest.approx(ticks)


def test_a_line_is_broken_off_where_nothing_was_measured():
    x, y = (Scale("", 0, 4, [], str) for _ in range(2))
    html = lines([Line("loss", 0, [(0, 0), (1, 2), (2, None), (3, 4), (4, 4)])], x, y, "says")
    assert re.findall(r'points="([^"]*)"', html) == ["0.00,100.00 25.00,50.00", "75.00,0.00 100.00,0.00"]
    assert "loss" in html


def test_a_bar_is_as_long_as_its_share():
    html = bars([("stem", 0.25, "25%"), ("head", 1.5, "much")], "density")
    assert re.findall(r"width:([\d.]+)%", html) == ["25.0", "100.0"]


def test_text_is_escaped_and_markup_is_not():
    assert element(
        "p", "a < b", Markup("<b>c</b>"), None, title='"', hidden=True, id=None, data_example=0, class_="x"
    ) == ('<p title="&quot;" hidden data-example="0" class="x">a &lt; b<b>c</b></p>')
