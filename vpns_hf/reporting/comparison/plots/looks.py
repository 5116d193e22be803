"""How a line looks in every plot of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from ..lines import Line

# Okabe and Ito's palette and three of Paul Tol's, which stay distinct for colour-blind readers.
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
    "#882255",
    "#999933",
    "#332288",
)
MARKERS = "osD^vP*Xph<>"
LETTERS, LETTER = 32, 0.078  # of a line, and the inches of one
STYLES = ("-", "--", "-.", ":")


def wrapped(label: str) -> str:
    """Returns a label in lines that a picture has room for."""
    return fill(label, LETTERS, break_on_hyphens=False)


def room_for(labels: Sequence[str]) -> float:
    """Returns the inches that the longest line of wrapped labels takes in small letters."""
    return LETTER * max((len(line) for label in labels for line in label.splitlines()), default=0)


def looks_of(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Returns colour, marker and stroke of each line; no two of the first 110 have the same colour and marker."""
    return [
        {
            "color": COLOURS[place % len(COLOURS)],
            "marker": MARKERS[place % len(MARKERS)],
            "linestyle": STYLES[place // len(COLOURS) % len(STYLES)],
        }
        for place in range(len(lines))
    ]
