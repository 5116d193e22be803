"""What the page is written with: elements that escape, charts, and how both look."""

from __future__ import annotations

from .charts import Line, Point, Scale, bars, legend, lines, scatter
from .markup import Markup, element, joined, picture
from .style import ADDRESS, CLICKS, CSS

__all__ = [
    "ADDRESS",
    "CLICKS",
    "CSS",
    "Line",
    "Markup",
    "Point",
    "Scale",
    "bars",
    "element",
    "joined",
    "legend",
    "lines",
    "picture",
    "scatter",
]
