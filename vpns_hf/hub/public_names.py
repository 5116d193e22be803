"""Names as they may stand in public: Hub ids as they are, local paths without the folders that lead to them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from huggingface_hub.utils import HFValidationError, validate_repo_id

# An absolute path, or one that starts at the home or the parent folder, alone or after "--option=".
_LEADING_FOLDERS = re.compile(r"^(?P<option>--?[\w-]+=)?(?:~|\.\.)?/(?:.*/)?(?P<name>[^/]*?)/*$")


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
    """A Hub id as it is; of a path only its last part."""
    return hub_id(name) or Path(name).name or name


def public_command(command: str) -> str:
    """A command line in which a path outside the working folder is reduced to its last part."""
    return shlex.join(_LEADING_FOLDERS.sub(r"\g<option>\g<name>", word) for word in shlex.split(command))
