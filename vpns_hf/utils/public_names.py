"""Names as they may stand in public: Hub ids and short names as they are, local paths without the folders that lead to them."""

from __future__ import annotations

import shlex
from pathlib import Path

from huggingface_hub.utils import HFValidationError, validate_repo_id


def hub_id(name: str | None) -> str | None:
    """`name` if it is a Hub id of the form `owner/name` and no local folder, else None."""
    if name is None or name.count("/") != 1 or Path(name).exists():
        return None
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return name


def public_name(name: str) -> str:
    """Returns a Hub id or a name without folders as it is; of a path its last part, as `./photos`.

    Without the dot a local folder `mine/cifar10` would be taken for the data set with that short name.
    """
    last = Path(name).name
    return name if last == name or hub_id(name) else f"./{last}" if last else name


def is_same_name(one: str | None, other: str | None) -> bool:
    """Returns whether public names are those of one thing, as `photos` and `./photos` are, which one folder may be given as."""
    return (one or "").removeprefix("./") == (other or "").removeprefix("./")


def public_command(command: str) -> str:
    """Returns a command line in which of a path outside the working folder the last part is left, as `./photos`, of the program its name."""
    program, *words = shlex.split(command) or [""]
    return shlex.join([Path(program).name if _leads_outside(program) else program, *map(_public_word, words)])


def _public_word(word: str) -> str:
    option, equals, path = ("", "", word) if _leads_outside(word) else word.partition("=")
    if not _leads_outside(path):
        return word
    is_script = not equals and Path(path).parent.name == "scripts" and path.endswith(".py")
    return f"scripts/{Path(path).name}" if is_script else f"{option}{equals}{public_name(path)}"


def _leads_outside(path: str) -> bool:
    return path.startswith(("/", "~", "../"))
