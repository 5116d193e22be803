"""Names as they may stand in public: Hub ids as they are, local paths without the folders that lead to them."""

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
    """Returns a Hub id as it is; of a path only its last part."""
    return hub_id(name) or Path(name).name or name


def public_command(command: str) -> str:
    """Returns a command line in which a path outside the working folder is reduced to its last part."""
    return shlex.join(_public_word(word) for word in shlex.split(command))


def _public_word(word: str) -> str:
    option, equals, path = ("", "", word) if _leads_outside(word) else word.partition("=")
    return f"{option}{equals}{Path(path).name}" if _leads_outside(path) else word


def _leads_outside(path: str) -> bool:
    return path.startswith(("/", "~", "../"))
