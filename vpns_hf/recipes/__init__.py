"""Recipes and configurations of accelerate that are installed with the package."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ..errors import InputError

FOLDER = Path(__file__).parent
DEFAULT = "digits"

__all__ = ["DEFAULT", "find_recipe", "shipped_file", "shipped_names"]


def shipped_names() -> list[str]:
    """Returns the names of recipes, such as `digits`, and of configurations of accelerate, such as `accelerate/cpu`."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))


def shipped_file(name: str) -> Path:
    """Returns the file of a shipped name.

    Raises:
        InputError: if nothing of that name is shipped.
    """
    if name not in shipped_names():
        raise InputError(f"no recipe is called {name}{_meant(name)}; give a name that `vpns config` lists")
    return FOLDER / f"{name}.yaml"


def find_recipe(given: str) -> Path:
    """Returns the file that is meant: one of the user's, or else a shipped one by its name.

    Raises:
        InputError: if it is neither.
    """
    path = Path(given).expanduser()
    if given in shipped_names() and not path.is_file():
        return shipped_file(given)
    if not path.exists():
        hint = _meant(given)
        raise InputError(f"there is no recipe {given}{hint}; give a YAML file, or a name that `vpns config` lists")
    return path


def _meant(given: str) -> str:
    """Returns which shipped name is like `given`, or like the name of the file it leads to."""
    names = shipped_names()
    near = get_close_matches(given, names, n=1) or get_close_matches(Path(given).stem, names, n=1)
    return f"; did you mean {near[0]}" if near else ""
