"""Recipes and configurations of accelerate that are installed with the package."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError

FOLDER = Path(__file__).parent
DEFAULT = "digits"

STUDIES = "studies"

__all__ = ["DEFAULT", "find_recipe", "find_study", "read_recipe", "shipped_file", "shipped_names"]


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


def find_study(given: str) -> Path:
    """Returns the file of a study that is meant: one of the user's, or else a shipped one by its name.

    Raises:
        InputError: if it is neither.
    """
    shipped = f"{STUDIES}/{given}"
    return shipped_file(shipped) if shipped in shipped_names() and not Path(given).is_file() else find_recipe(given)


def read_recipe(path: Path) -> dict[str, Any]:
    """Returns the fields of a YAML recipe, each value as it is written.

    Raises:
        InputError: if the file cannot be read, does not hold a mapping of options, or names an option twice.
    """
    try:
        # The base loader keeps every value as it is written: `no` is a precision, not False.
        text = path.read_text(encoding="utf-8")
        recipe = yaml.load(text, Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the recipe {path} cannot be read ({reason}); give a YAML file of options") from error
    if not isinstance(recipe, dict):
        raise InputError(f"the recipe {path} holds no options; write one 'name: value' per line")
    names = Counter(key.value for key, _ in yaml.compose(text, Loader=yaml.BaseLoader).value)
    if repeated := [name for name, count in names.items() if count > 1]:  # YAML would take the last without a word
        raise InputError(f"the recipe {path} holds {repeated[0]} more than once; leave one line of it")
    return recipe


def _meant(given: str) -> str:
    """Returns which shipped name is like `given`, or like the name of the file it leads to."""
    names = shipped_names()
    near = get_close_matches(given, names, n=1) or get_close_matches(Path(given).stem, names, n=1)
    return f"; did you mean {near[0]}" if near else ""
