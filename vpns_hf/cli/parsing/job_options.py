"""The options of a job, from a command line and a recipe."""

from __future__ import annotations

import re
from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from transformers import HfArgumentParser

from ...errors import InputError
from ...jobs import InputArguments, VPNsTrainingArguments
from ...models.configuration_vpns import n_of_m
from ...recipes import DEFAULT, find_recipe, read_recipe
from .one_line import OneLineErrors

NO_NUMBER = re.compile(r"invalid (?:int|float) value: '(?P<value>.*)'")
NOT_GIVEN = ("", "null", "~")


class PlainHelp(HelpFormatter):
    """Adds each default that says something, written as it would be given."""

    def _get_help_string(self, action: Action) -> str:
        default = action.default
        if default in (None, SUPPRESS) or action.required or action.nargs == 0:
            return action.help
        written = " ".join(f"{item:g}" for item in default) if isinstance(default, list) else str(default)
        return f"{action.help} (default: {written})"


class JobParser(OneLineErrors, HfArgumentParser):
    """The options of a job; its help shows every option once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, formatter_class=PlainHelp, usage="%(prog)s [--config RECIPE] [--option VALUE ...]", **kwargs
        )
        for action in self._actions:
            # What is understood stays as it was: the parser looks options up in a table of its own.
            action.option_strings = [option for option in action.option_strings if "-" not in option.lstrip("-")]
            if action.const is False:
                action.help = f"The same as --{action.dest} false."
            elif action.nargs != 0:
                action.metavar = "true|false" if action.nargs == "?" else "VALUE"

    def check_options(self, names: Iterable[str]) -> None:
        """Exits if the fields of a recipe are not options; it speaks of those before options that are missing."""
        known = {option.lstrip("-") for option in self._option_string_actions} - {"help", "h", "config"}
        for name in names:
            if name not in known:
                self.error(f"the recipe holds {name}, which is no option{self._meant(name)}")

    def lists(self, name: str) -> bool:
        """Returns whether an option takes several values."""
        return any(action.dest == name and action.nargs in ("+", "*") for action in self._actions)

    def refuse(self, argument: str) -> NoReturn:
        """Exits because of an argument that is not understood."""
        self.error(f"unknown argument {argument}{self._meant(_option(argument), '--')}")

    def error(self, message: str) -> NoReturn:
        """Exits; a number that is written otherwise than it is read is answered with what to write."""
        wrong = NO_NUMBER.search(message)
        meant = number_meant(wrong["value"]) if wrong else None
        super().error(f"{message}; write {meant}" if meant and meant != wrong["value"] else message)

    def _meant(self, name: str, dashes: str = "") -> str:
        options = [action.dest for action in self._actions if action.dest not in ("help", "config")]
        near = option_meant(name.replace("-", "_"), options)
        return f"; did you mean {dashes}{near}" if near else ""


def number_meant(written: str) -> str | None:
    """Returns numbers as they are to be written, where they were written in another usual way: 70% as 0.7, a,b as a b."""
    words = written.replace(",", " ").split()
    try:
        numbers = [float(word[:-1]) / 100 if word.endswith("%") else float(word) for word in words]
    except ValueError:
        return None
    return " ".join(f"{number:.10g}" for number in numbers)


def option_meant(name: str, options: Sequence[str]) -> str | None:
    """Returns the option that a name begins or abbreviates, is almost, or is the last word of; None if there is none."""
    begun = [option for option in options if name and option.startswith(name)]
    initials = [option for option in options if name == "".join(word[0] for word in option.split("_"))]
    ending = [option for option in options if option.endswith(f"_{name}")]
    near = get_close_matches(name, options, n=1)
    return next(iter([*begun, *initials, *near, *ending]), None)


def parse_arguments(
    argv: Sequence[str], description: str | None = None
) -> tuple[InputArguments, VPNsTrainingArguments]:
    """Reads the command line of `vpns prune`.

    Args:
        argv: what follows the name of the command.
        description: shown by --help.

    Raises:
        InputError: if a value is not allowed, or the recipe cannot be read.
        SystemExit: with code 2 if an option is unknown or malformed, 0 after --help.
    """
    parser = job_parser(description)
    recipe, rest = take_config(list(argv))
    named = any(_option(arg) in ("model_name_or_path", "dataset_name") for arg in rest)
    if recipe is None and not named and "--help" not in rest and "-h" not in rest:
        recipe = find_recipe(DEFAULT)
    fields = read_recipe(recipe) if recipe is not None else {}
    parser.check_options(fields)
    tokens = recipe_tokens(_giving_way(fields, rest))
    *given, _, unknown = parser.parse_args_into_dataclasses([*tokens, *rest], return_remaining_strings=True)
    if unknown:
        parser.refuse(unknown[0])
    return InputArguments(**vars(given[0])), VPNsTrainingArguments(**vars(given[1]))


def _giving_way(fields: Mapping[str, Any], rest: Sequence[str]) -> dict[str, Any]:
    """Returns the fields of a recipe without its sparsities where the command line names an N:M, which has its own."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--granularity", nargs="?")
    asked = parser.parse_known_args(rest)[0].granularity
    goes = asked is not None and n_of_m(asked) is not None and asked != fields.get("granularity")
    return {name: value for name, value in fields.items() if not (goes and name == "sparsities")}


def job_parser(description: str | None) -> JobParser:
    """Returns the parser of all options of a job; it checks none of their values."""
    kinds = (InputArguments, VPNsTrainingArguments)
    parser = JobParser([_as_the_parser_takes_it(kind) for kind in kinds], description=description, allow_abbrev=False)
    config_help = (
        "YAML recipe with any of these options, or the name of one that `vpns config` lists; "
        f"{DEFAULT} if no model and no data set is named."
    )
    parser.add_argument("--config", metavar="RECIPE", help=config_help)
    return parser


def _as_the_parser_takes_it(kind: type) -> type:
    """Returns a dataclass of the same options without what only we declare of them, and without their checks."""
    hints = get_type_hints(kind)
    plain = []
    for entry in fields(kind):
        metadata = {name: value for name, value in entry.metadata.items() if name in ("help", "aliases")}
        copy = field(default=entry.default, default_factory=entry.default_factory, metadata=metadata)
        plain.append((entry.name, hints[entry.name], copy))
    return make_dataclass(kind.__name__, plain)


def recipe_tokens(fields: Mapping[str, Any]) -> list[str]:
    """Returns the fields of a recipe as command-line tokens, so that both are checked alike."""
    given = {name: value for name, value in fields.items() if value not in NOT_GIVEN}
    return [token for name, value in given.items() for token in (f"--{name}", *_tokens(value))]


def _tokens(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _option(token: str) -> str:
    return token.partition("=")[0].lstrip("-").replace("-", "_")


def take_config(argv: list[str]) -> tuple[Path | None, list[str]]:
    """Returns the recipe that arguments name, if any, and the other arguments."""
    path, rest, tokens = None, [], iter(argv)
    for token in tokens:
        if token == "--config":
            path = _recipe_path(next(tokens, ""))
        elif token.startswith("--config="):
            path = _recipe_path(token.partition("=")[2])
        else:
            rest.append(token)
    return path, rest


def _recipe_path(given: str) -> Path:
    if not given or given.startswith("-"):
        raise InputError(f"--config names no recipe; give a YAML file or a shipped name, such as {DEFAULT}")
    return find_recipe(given)
