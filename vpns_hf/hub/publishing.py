"""Uploading a model folder to the Hub."""

from __future__ import annotations

import os

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, HTTPError

from vpns_hf.errors import InputError


def publish_folder(
    folder: str | os.PathLike[str], repo_id: str, *, private: bool = True, token: str | None = None
) -> str:
    """Uploads `folder` as the model repository `repo_id`, created if it is not there; returns its address.

    Raises:
        InputError: if the name is not valid, the Hub refuses or cannot be reached.
    """
    api = HfApi(token=token)
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo.repo_id, folder_path=folder, commit_message="Upload pruned model")
    except (HFValidationError, HTTPError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{repo_id} could not be published: {reason}; check the name, the network and the token"
        ) from error
    return str(repo)
