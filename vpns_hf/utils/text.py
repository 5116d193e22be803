"""Errors, sizes and counts in the words of a message."""

from __future__ import annotations


def one_line(error: BaseException | str) -> str:
    """Returns all that an error says in one line; of one that says nothing its name."""
    return " ".join(str(error).split()) or type(error).__name__


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says; of one that says nothing its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def megabytes(size: int) -> str:
    """Returns a size in bytes as 10^6 bytes with two decimals: 46827520 -> "46.83 MB"."""
    return f"{size / 1e6:,.2f} MB"


def counted(count: int, noun: str) -> str:
    """Returns a number of things in words, as in "1 file" and "4 files"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
