"""Markdown tables whose columns are aligned, so that they also read well in a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], in_file: bool = False
) -> str:
    """Returns a table of text cells.

    Args:
        header: one title per column.
        rows: one cell per column each.
        right: for each column, whether it is aligned to the right.
        in_file: whether a | in a cell is written as `in_cell` does; a terminal shows what it is given.
    """
    if in_file:
        header, rows = [in_cell(cell) for cell in header], [[in_cell(cell) for cell in row] for row in rows]
    widths = [max(3, *(len(row[i]) for row in (header, *rows))) for i in range(len(header))]
    rule = ["-" * (width - 1) + ("-:"[is_right]) for width, is_right in zip(widths, right, strict=True)]
    return "\n".join(_line(row, widths, right) for row in (header, rule, *rows))


def in_cell(text: str) -> str:
    """Returns text such that a | in it does not end the cell of a table in a file."""
    return text.replace("|", r"\|")


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
