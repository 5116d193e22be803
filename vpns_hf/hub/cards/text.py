"""Rows of a card's tables, found by their titles."""

from __future__ import annotations

import re


def with_row(text: str, pattern: str, title: str, cells: list[str]) -> str:
    """Replaces the row whose title matches a regular expression, if there is one, by a title and its cells."""
    row = " ".join(f"| {cell}" if cell else "|" for cell in (title, *cells)) + " |"
    return re.sub(rf"^\| {pattern} \|.*$", lambda found: row, text, count=1, flags=re.MULTILINE)


def with_last_cell(text: str, pattern: str, cell: str) -> str:
    """Replaces the last cell of the row whose title matches a regular expression, if there is one."""
    row = re.compile(rf"^(\| {pattern} \|.*\| )[^|\n]*( \|)$", re.MULTILINE)
    return row.sub(lambda found: f"{found[1]}{cell}{found[2]}", text, count=1)
