"""`vpns COMMAND ...` and `python -m vpns_hf COMMAND ...`: the same commands as those of scripts/."""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module

from . import __version__
from .cli import COMMANDS
from .cli.script import run_script
from .errors import InputError

USAGE = "usage: vpns COMMAND [--option VALUE ...]"
EPILOG = "Each tells more with --help. Without the installed command: python -m vpns_hf COMMAND ..."


def main() -> None:
    """Runs the command that the first argument names; says which there are if there is no argument."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(f"{USAGE}\n\n{_listed()}\n\n{EPILOG}")
    elif name == "--version":
        print(f"vpns_hf {__version__}")
    else:
        # What parsers and error lines call the program, also where it was started by `python -m vpns_hf`.
        sys.argv[:] = [f"vpns {name}" if name in COMMANDS else "vpns", *arguments]
        run_script(lambda: command_named(name)())


def command_named(name: str) -> Callable[[], None]:
    """Returns the function of a command; its module is imported now.

    Raises:
        InputError: if there is no command of that name.
    """
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}" if near else f"give one of {', '.join(COMMANDS)}"
        raise InputError(f"there is no command {name}; {hint}; see vpns --help")
    module, function, _ = COMMANDS[name]
    return getattr(import_module(f".cli.{module}", __package__), function)


def _listed() -> str:
    """Returns every command with what it does, a line each."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"  {name:{width}}  {does}" for name, (_, _, does) in COMMANDS.items())


if __name__ == "__main__":
    main()
