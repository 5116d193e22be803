"""Command lines that say what is wrong in one line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, NoReturn

from ...utils.hub_client import without_tokens


class OneLineErrors:
    """For parsers: says what is wrong in one line without any token in it, and exits with code 2."""

    def error(self: ArgumentParser, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {without_tokens(message)}; see --help\n")


class OneLineParser(OneLineErrors, ArgumentParser):
    """An `ArgumentParser` that does so, and takes no option by its beginning."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
