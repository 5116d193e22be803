"""`vpns COMMAND ...` and `python -m vpns_hf COMMAND ...`: the same commands as those of scripts/."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from importlib import import_module

from .cli import COMMANDS
from .cli.parser import OneLineParser
from .cli.script import run_script


def main() -> None:
    """Runs the command that the first argument names."""
    parser = OneLineParser(
        prog="vpns",
        usage="vpns COMMAND [--option VALUE ...]",
        description=_listed(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command", choices=COMMANDS, metavar="COMMAND", help="one of these; each tells more with --help"
    )
    name = parser.parse_args(sys.argv[1:2]).command
    module, function, _ = COMMANDS[name]
    sys.argv[:2] = [f"vpns {name}"]
    run_script(getattr(import_module(f".cli.{module}", __package__), function))


def _listed() -> str:
    """Returns every command with what it does, a line each."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"  {name:{width}}  {does}" for name, (_, _, does) in COMMANDS.items())


if __name__ == "__main__":
    main()
