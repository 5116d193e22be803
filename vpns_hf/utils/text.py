"""Errors, sizes and counts in the words of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any


def one_line(error: BaseException | str) -> str:
    """Returns all that an error says in one line; of one that says nothing its name."""
    return " ".join(str(error).split()) or type(error).__name__


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says; of one that says nothing its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def megabytes(size: int) -> str:
    """Returns a size in bytes as 10^6 bytes with two decimals: 46827520 -> "46.83 MB"."""
    return f"{size / 1e6:,.2f} MB"


def without_shared_head(names: Sequence[str], separator: str = ".") -> list[str]:
    """Returns names without the leading parts that all of them share; the last part always stays."""
    parts = [name.split(separator) for name in names]
    heads = zip(*(part[:-1] for part in parts), strict=False)
    shared = len(list(takewhile(lambda head: len(set(head)) == 1, heads)))
    return [separator.join(part[shared:]) for part in parts]


def counted(count: int, noun: str) -> str:
    """Returns a number of things in words, as in "1 file" and "4 files"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def differences(one: Mapping[str, Any], other: Mapping[str, Any], word: str = "now") -> list[str]:
    """Returns one phrase for each value that is not the same, such as "seed 7, now 8".

    Args:
        one: {name: value}.
        other: likewise; a name that one side does not know counts as None, which is "not given".
        word: before the values of `other`.
    """
    changed = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return [f"{name} {_shown(one.get(name))}, {word} {_shown(other.get(name))}" for name in changed]


def _shown(value: Any) -> str:
    return "not given" if value is None else " ".join(str(value).split())
