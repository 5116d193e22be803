"""The Hub as it is met: whether it answers, what it says when it refuses, in one line, and never with the token in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

from ..errors import InputError
from .text import one_line

logger = logging.getLogger(__name__)

PATIENCE = 10  # seconds
LONGEST = 300  # characters of an error that are shown
ANY_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}")
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token"
NO_TEXT = (".safetensors", ".png")


def is_online(repo_id: str, repo_type: str) -> bool:
    """Returns whether the Hub answers when asked for a repository, be it with a refusal.

    Args:
        repo_id: of the repository.
        repo_type: `model` or `dataset`.
    """
    try:
        HfApi().repo_info(repo_id, repo_type=repo_type, timeout=PATIENCE)
    except HfHubHTTPError:
        return True
    except (HTTPError, OSError) as error:
        logger.warning("the Hub does not answer (%s): looking for an earlier download of %s", error, repo_id)
        return False
    return True


def without_tokens(text: str, token: str | None = None) -> str:
    """Returns a text in which the token, and whatever looks like one, is hidden."""
    for known in filter(None, (token, get_token())):
        text = text.replace(known, "<token>")
    return ANY_TOKEN.sub("<token>", text)


def check_no_token(files: Mapping[str, Path | bytes], token: str | None) -> None:
    """Checks that nothing is published that holds the token, for instance a card with the command it was given in.

    Args:
        files: {path in the repository: file or content}.
        token: of the user.

    Raises:
        InputError: if a file does.
    """
    for path, content in files.items():
        if token and not path.endswith(NO_TEXT):
            content = content if isinstance(content, bytes) else content.read_bytes()
            if token.encode() in content:
                raise InputError(f"{path} contains the token; nothing was uploaded: take it out, and revoke the token")


@contextmanager
def refusals(doing: str, token: str | None = None) -> Iterator[None]:
    """Turns errors of the Hub's client into an `InputError` of one line.

    Args:
        doing: what fails, such as "vpns/resnet18-c100-70 could not be published".
        token: given by the user, to be hidden.
    """
    try:
        yield
    except InputError:
        raise
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        # No `from error`: its texts may hold more than is to be shown.
        raise InputError(without_tokens(f"{doing}: {_reason(error)}", token)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, HfHubHTTPError):  # of a thread that uploads
        error = error.__cause__
    if isinstance(error, LocalTokenNotFoundError):
        return f"there is no token; {LOG_IN} with write access"
    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub is not asked while HF_HUB_OFFLINE is set; unset it"
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return _by_status(error.response.status_code, error.server_message)
    said = one_line(error)
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    if isinstance(error, ValueError):
        return said
    return (
        f"the connection to {constants.ENDPOINT} broke ({said}); try again: what has arrived is not sent a second time"
    )


def _by_status(status: int, message: str | None) -> str:
    said = f"{status}: {message.splitlines()[0]}" if message else str(status)
    if status == 401:
        return f"the token is missing or not known to the Hub ({said}); {LOG_IN}"
    if status == 403:
        return f"the token does not allow it ({said}); use one with write access to this owner"
    if status == 404:
        return f"it is not there, or private and not yours ({said}); check the name and the token"
    return f"the Hub refuses ({said})"
