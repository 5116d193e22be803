"""Recipes and configurations of accelerate that are installed with the package."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ..errors import InputError

FOLDER = Path(__file__).parent
DEFAULT = "digits"


def shipped_names() -> list[str]:
    """Returns the names of recipes, such as `digits`, and of configurations of accelerate, such as `accelerate/cpu`."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))


def find_recipe(given: str) -> Path:
    """Returns the file that is meant: one of the user's, or a shipped one by its name.

    Raises:
        InputError: if it is neither.
    """
    path = Path(given).expanduser()
    if given in shipped_names() and not path.exists():
        return FOLDER / f"{given}.yaml"
    if given and not path.exists() and path.suffix == "":
        near = get_close_matches(given, shipped_names(), n=1)
        hint = f"; did you mean {near[0]}" if near else ""
        raise InputError(f"there is no recipe {given}{hint}; give a YAML file, or a name that `vpns config` lists")
    return path
