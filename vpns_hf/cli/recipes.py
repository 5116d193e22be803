"""The recipes and configurations of accelerate that are installed: the command `config`."""

from __future__ import annotations

from ..recipes import shipped_file, shipped_names
from .parsing import OneLineParser


def main() -> None:
    """Prints the path of what is named, or all names."""
    parser = OneLineParser(
        description="Print the path of a shipped recipe or accelerate configuration; all names if none is given.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="Such as digits or accelerate/cpu.")
    name = parser.parse_args().name
    print("\n".join(shipped_names()) if name is None else shipped_file(name))
