"""Charts as HTML: places in percent of a frame that is as wide as the screen allows, with text that keeps its size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .markup import Markup, element, joined

COLOURS = 8  # of the style; methods beyond them have another shape
MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high` with round numbers written along it.

    Attributes:
        title: of the axis.
        ticks: the round numbers.
        written: how one of them is written.
    """

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    written: Callable[[float], str]

    @classmethod
    def around(
        cls, title: str, values: Sequence[float], written: Callable[[float], str], least_step: float = 0.0
    ) -> Scale:
        """Returns the axis that holds all values, with a little room on both sides; ticks are `least_step` apart or more."""
        low, high = min(values), max(values)
        room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        return cls(title, low - room, high + room, _round_numbers(low - room, high + room, least_step), written)

    def with_ticks_at(self, values: Sequence[float]) -> Scale:
        """Returns the axis with ticks at the values themselves, to a thousandth, if these are few and can be read side by side."""
        there = sorted({round(value, 3) for value in values})
        room = (self.high - self.low) / (2 * MOST_TICKS)
        is_clear = len(there) <= MOST_TICKS and all(b - a >= room for a, b in pairwise(there))
        return replace(self, ticks=there) if is_clear else self

    def with_ticks_up_to(self, most: float) -> Scale:
        """Returns the axis without ticks above the largest value there can be."""
        return replace(self, ticks=[tick for tick in self.ticks if tick <= most + 1e-9])

    def percent(self, value: float) -> str:
        """Returns where a value stands, from 0 to 100."""
        return f"{100 * (value - self.low) / (self.high - self.low):.2f}%"


@dataclass(frozen=True)
class Point:
    """One model in a chart: where it stands, its colour, its key and what is said where a mouse is over it."""

    x: float
    y: float
    colour: int
    key: str
    says: str


@dataclass(frozen=True)
class Line:
    """A named line through (x, y), of a colour; where y is None it is broken off."""

    name: str
    colour: int
    values: Sequence[tuple[float, float | None]]


def scatter(points: Sequence[Point], x: Scale, y: Scale, band: tuple[float, float] | None = None) -> Markup:
    """Returns points that can be pointed at; a band from one y to another is shaded.

    Whoever has no mouse finds the same models in the table, so the points are one picture to a screen reader.
    """
    marks = [element("b", class_=f"vp-dot {mark_of(p.colour)} {_side(p, x)}", **_place(p, x, y)) for p in points]
    shaded = [] if band is None else [_band(band, y)]
    says = f"{y.title} against {x.title.lower()} of {len(points)} models; the table below holds the same"
    return _frame(x, y, says, *shaded, *marks)


def lines(drawn: Sequence[Line], x: Scale, y: Scale, says: str) -> Markup:
    """Returns lines in one frame, with a legend below."""
    paths = [_path(line, part, x, y) for line in drawn for part in _unbroken(line.values)]
    svg = element("svg", *paths, viewBox="0 0 100 100", preserveAspectRatio="none", aria_hidden="true")
    return joined(_frame(x, y, says, svg), legend([(line.name, line.colour) for line in drawn]))


def bars(rows: Sequence[tuple[str, float, str]], says: str) -> Markup:
    """Returns a table of bars: what, how long from 0 to 1, and what is written behind it."""
    parts = [
        element(
            "tr",
            element("th", element("bdi", what), scope="row", title=what),
            element("td", _bar(share)),
            element("td", written),
        )
        for what, share, written in rows
    ]
    return element("table", element("caption", says), element("tbody", *parts), class_="vp-bars")


def legend(names: Sequence[tuple[str, int]]) -> Markup:
    """Returns which colour stands for what."""
    entries = [element("li", element("i", class_=f"vp-key {mark_of(colour)}"), name) for name, colour in names]
    return element("ul", *entries, class_="vp-legend")


def mark_of(colour: int) -> str:
    """Returns the classes of a colour and, beyond the colours there are, of another shape."""
    return f"vp-c{colour % COLOURS} vp-s{colour // COLOURS}"


def _round_numbers(low: float, high: float, least_step: float) -> list[float]:
    """Returns multiples of 1, 2 or 5 times a power of ten, or of `least_step`, between the ends, `MOST_TICKS` at most."""
    rough = (high - low) / MOST_TICKS
    size = 10 ** math.floor(math.log10(rough))
    step = max(least_step, next(step * size for step in (1, 2, 5, 10) if step * size >= rough))
    return [step * place for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _frame(x: Scale, y: Scale, says: str, *content: Markup) -> Markup:
    across = [
        element("i", element("span", y.written(t)), class_="vp-gy", style=f"bottom:{y.percent(t)}") for t in y.ticks
    ]
    up = [element("i", element("span", x.written(t)), class_="vp-gx", style=f"left:{x.percent(t)}") for t in x.ticks]
    plot = element("div", *across, *up, *content, class_="vp-plot", role="img", aria_label=says)
    titles = element("figcaption", element("span", f"↑ {y.title}"), element("span", f"{x.title} →"))
    return element("figure", plot, titles, class_="vp-chart")


def _place(point: Point, x: Scale, y: Scale) -> dict[str, str]:
    style = f"left:{x.percent(point.x)};bottom:{y.percent(point.y)}"
    return {"style": style, "data_model": point.key, "data_tip": point.says}


def _side(point: Point, x: Scale) -> str:
    """Returns the side on which there is room for what is said of a point."""
    return "vp-left" if point.x > (x.low + x.high) / 2 else "vp-right"


def _band(band: tuple[float, float], y: Scale) -> Markup:
    height = 100 * (band[1] - band[0]) / (y.high - y.low)
    return element(
        "i", element("span", "dense"), class_="vp-band", style=f"bottom:{y.percent(band[0])};height:{height:.2f}%"
    )


def _bar(share: float) -> Markup:
    return element("i", class_="vp-bar", style=f"width:{100 * min(max(share, 0.0), 1.0):.1f}%")


def _unbroken(values: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in values:
        if value is None:
            parts.append([])
        else:
            parts[-1].append((place, value))
    return [part for part in parts if part]


def _path(line: Line, part: Sequence[tuple[float, float]], x: Scale, y: Scale) -> Markup:
    places = [f"{x.percent(a)[:-1]},{100 - float(y.percent(b)[:-1]):.2f}" for a, b in part]
    return element(
        "polyline", points=" ".join(places), class_=mark_of(line.colour), fill="none", stroke="currentColor"
    )
