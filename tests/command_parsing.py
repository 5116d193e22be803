"""Command lines that are parsed by the parser of their command, which then does nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

from accelerate.commands.launch import launch_command_parser
from transformers import HfArgumentParser

from tests.scripts.running import SCRIPTS, script_at
from vpns_hf.__main__ import command_named
from vpns_hf.cli import COMMANDS


class Parsed(BaseException):
    """Stops a command once its arguments are read."""


class FoundParser(BaseException):
    """Stops a command before its arguments are read.

    Attributes:
        parser: that would have read them.
    """

    def __init__(self, parser: ArgumentParser) -> None:
        self.parser = parser


def main_of(command: str) -> Callable[[], None]:
    """What a script, by its path, or an installed command, as `vpns NAME`, calls."""
    if command.endswith(".py"):
        return script_at(command.removeprefix("scripts/")).main
    return command_named(command.removeprefix("vpns "))


def parse(command: str, arguments: Sequence[str]) -> None:
    """Reads the arguments as the command does; fails as it does where it refuses them."""
    plain, of_dataclasses = ArgumentParser.parse_args, HfArgumentParser.parse_args_into_dataclasses

    def parse_args(parser: ArgumentParser, *args: Any, **kwargs: Any) -> None:
        plain(parser, *args, **kwargs)
        raise Parsed

    def parse_args_into_dataclasses(parser: HfArgumentParser, *args: Any, **kwargs: Any) -> None:
        *_, unknown = of_dataclasses(parser, *args, **kwargs)
        if unknown:
            parser.error(f"unknown argument {unknown[0]}")
        raise Parsed

    _call(command, arguments, Parsed, parse_args, parse_args_into_dataclasses)


def options_of(command: str) -> set[str]:
    """The names of all options of a script or an installed command, and of its subcommands."""

    def find(parser: ArgumentParser, *args: Any, **kwargs: Any) -> None:
        raise FoundParser(parser)

    return set(_options(_call(command, [], FoundParser, find, find).parser))


def options_of_all_commands() -> set[str]:
    """The names of the options of every script and installed command, and of accelerate's launcher."""
    scripts = [f"scripts/{path.name}" for path in sorted(SCRIPTS.glob("*.py"))]
    names = {name for command in (*scripts, *(f"vpns {name}" for name in COMMANDS)) for name in options_of(command)}
    return names | set(_options(launch_command_parser()))


def _call(command: str, arguments: Sequence[str], end: type, plain: Callable, of_dataclasses: Callable) -> Any:
    with (
        patch.object(sys, "argv", [command, *arguments]),
        patch.object(ArgumentParser, "parse_args", plain),
        patch.object(HfArgumentParser, "parse_args_into_dataclasses", of_dataclasses),
    ):
        try:
            main_of(command)()
        except end as ended:
            return ended
    raise AssertionError(f"{command} did not parse its arguments")


def _options(parser: ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001
        yield from (option.lstrip("-") for option in action.option_strings)
    if parser._subparsers is not None:  # noqa: SLF001
        for subparser in parser._subparsers._group_actions[0].choices.values():  # noqa: SLF001
            yield from _options(subparser)
