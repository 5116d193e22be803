"""An option is declared once: default, help, range, choices, and what part it has in a job's identity."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np

from ..errors import InputError

LARGEST = 2**31 - 1  # what every library beneath takes for a count
LARGEST_SIDE = 4096  # pixels; one such image takes 201 MB as float32


@dataclass(frozen=True)
class Range:
    """The numbers from `least` to `most`.

    Args:
        least: the smallest.
        most: the largest; infinity itself never counts.
        open_at: those of the two ends that are not allowed themselves.
    """

    least: float
    most: float = LARGEST
    open_at: tuple[float, ...] = ()

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and value not in self.open_at and value < math.inf

    def __str__(self) -> str:
        least = f"above {self.least}" if self.least in self.open_at else f"at least {self.least}"
        if self.most == math.inf:
            return f"{least} and finite"
        return f"{least} and below {self.most}" if self.most in self.open_at else f"{self.least} to {self.most}"

    def check(self, name: str, value: float) -> None:
        """Raises an InputError if `value`, that of the option `name`, is not one of these."""
        if value not in self:
            raise InputError(f"{name} is {value}; allowed: {self}")


COUNT, COUNT_OR_NONE = Range(1), Range(0)
BATCH = Range(2)  # batch norm needs two images
SIDE = Range(1, LARGEST_SIDE)
RATE = Range(0, math.inf)


class Part(Enum):
    """What part an option has in a job.

    RESULT decides on the results: an unfinished job goes on only with the same value. CONTENT does so too, but what it
    stands for is compared in its place; a SOURCE is such a one that names files, by a path, a Hub id or a short name. MACHINE says where and how one machine runs the job, and nothing of its results.
    """

    RESULT = "result"
    CONTENT = "content"
    SOURCE = "source"
    MACHINE = "machine"


def option(
    default: Any,
    help: str,
    *,
    range: Range | None = None,
    choices: Iterable[str] | None = None,
    part: Part = Part.RESULT,
    aliases: Iterable[str] = (),
) -> Any:
    """Returns the field of a dataclass of options.

    Args:
        default: its value where none is given; a list is copied for each instance; MISSING where one must be given.
        help: one or two sentences; of the choices it names each.
        range: the numbers that are allowed.
        choices: the names that are allowed.
        part: in the identity of a job.
        aliases: other names on the command line, with their dashes.
    """
    metadata = {"help": help, "range": range, "choices": None if choices is None else tuple(choices), "part": part}
    metadata |= {"aliases": list(aliases)} if aliases else {}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def same_option(kind: type, name: str) -> Any:
    """Returns the field of a dataclass for an option that another dataclass declares."""
    [entry] = [each for each in fields(kind) if each.name == name]
    return field(default=entry.default, default_factory=entry.default_factory, metadata=entry.metadata)


def names_of(options: Any, *parts: Part) -> list[str]:
    """Returns the names of the options of a dataclass, or an instance of one, that have one of these parts."""
    return [entry.name for entry in fields(options) if entry.metadata.get("part", Part.RESULT) in parts]


@cache
def defaults_of(kind: type) -> dict[str, Any]:
    """Returns {name: default} of the options of a dataclass; MISSING where one must be given."""
    return {
        entry.name: entry.default if entry.default_factory is MISSING else entry.default_factory()
        for entry in fields(kind)
    }


def given_options(options: Any) -> dict[str, Any]:
    """Returns {name: value} of the options of an instance that are not at their defaults."""
    defaults = defaults_of(type(options))
    return {name: value for name, value in vars(options).items() if value is not None and value != defaults[name]}


def command_words(options: Mapping[str, Any]) -> list[str]:
    """Returns options as the words of a command line that gives them."""
    return [word for name, value in options.items() for word in (f"--{name}", *_words(value))]


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def check_options(options: Any) -> None:
    """Makes plain the values of an instance of a dataclass of options, and checks each.

    Paths, numbers of NumPy and tuples become the strings, numbers and lists they stand for.

    Raises:
        InputError: if a value is not of its field's type, not in its range, or not one of its choices.
    """
    hints = _hints(type(options))
    for entry in fields(options):
        setattr(options, entry.name, _plain(getattr(options, entry.name)))
        _check_type(entry.name, getattr(options, entry.name), hints[entry.name])
    for entry in fields(options):
        value, choices, allowed = getattr(options, entry.name), *map(entry.metadata.get, ("choices", "range"))
        if value is None:
            continue
        if choices is not None and value not in choices:
            raise InputError(f"{entry.name} is {value!r}; allowed: {', '.join(choices)}")
        if allowed is not None:
            allowed.check(entry.name, value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


_LISTS = {list[float]: "a list of numbers", list[str]: "a list of names"}


def _check_type(name: str, value: Any, hint: Any) -> None:
    if not _fits(value, hint):
        raise InputError(f"{name} is {value!r}; allowed: {_named(hint)}")


def _named(hint: Any) -> str:
    """Returns the type that a field is annotated with, in words."""
    if hint in _LISTS or not get_args(hint):
        return _LISTS.get(hint) or getattr(hint, "__name__", str(hint))
    return " or ".join("None" if choice is NoneType else _named(choice) for choice in get_args(hint))


def _plain(value: Any) -> Any:
    """Returns a value as Python's own types; a float32 counts as the decimal it is written as."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _fits(value: Any, hint: Any) -> bool:
    """Returns whether a value is of a type that a field is annotated with."""
    if hint in _LISTS:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return any(_fits(value, choice) for choice in get_args(hint)) if get_args(hint) else isinstance(value, hint)
