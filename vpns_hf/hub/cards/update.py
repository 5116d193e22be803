"""A card that is changed where it lies: in a folder, or in a repository on the Hub."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, get_token

from ...errors import InputError
from ...reporting.evaluation import ModelEvaluation
from ...utils.hub_client import refusals
from ..fetching import FetchedModel
from ..publish.publishing import check_secrets
from .evaluated import with_evaluation


def update_card(fetched: FetchedModel, evaluation: ModelEvaluation, command: str) -> str:
    """Writes what was measured into the card of a model; returns the address or path of what was changed.

    On the Hub it is one commit, refused if somebody has changed the repository since its files were fetched.

    Raises:
        InputError: if there is no card, it cannot be read, or it cannot be written to.
    """
    path = fetched.folder / "README.md"
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"the card {path} cannot be read ({reason}); nothing was written") from error
    content = with_evaluation(text, evaluation, command).encode()
    if fetched.repo_id is None:
        return _replace(path, content)
    return _commit(fetched, content, f"Evaluate on {evaluation.dataset}, {evaluation.split} split")


def _replace(path: Path, content: bytes) -> str:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError as error:
        raise InputError(f"the card {path} cannot be written to ({error.strerror or error})") from error
    return str(path)


def _commit(fetched: FetchedModel, content: bytes, message: str) -> str:
    check_secrets({"README.md": content}, get_token())
    with refusals(f"the card of {fetched.repo_id} could not be changed"):
        made = HfApi().create_commit(
            fetched.repo_id,
            [CommitOperationAdd("README.md", content)],
            commit_message=message,
            parent_commit=fetched.commit,
        )
    return str(made.commit_url)
