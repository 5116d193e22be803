"""The page as a Space of the Hub: a small program, what it needs, and this package itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceInfo, get_token

from ..errors import InputError
from ..hub import check_repo_id
from ..utils.hub_client import check_no_token, refusals
from .found import TAG, Found

PACKAGE = Path(__file__).parents[1]
CARRIED = {".py", ".yaml", ".md"}
MESSAGE = "Publish the page of vpns_hf"


def publish_space(space_id: str, name: str, found: Found, public: bool = False, token: str | None = None) -> str:
    """Publishes the page of models on the Hub, or renews it; returns its address.

    Args:
        space_id: `owner/name`; the Space is made if it is not there.
        name: of the models, as the page is started with.
        found: the models of that name.
        public: whether everybody may see it.
        token: with write access; the one of the environment or of `hf auth login` if not given.

    Raises:
        InputError: if it is no id, the models are not on the Hub, or the Hub refuses.
    """
    check_repo_id(space_id)
    if any(model.repo_id is None for model in found.models):
        raise InputError(
            f"{name} is a folder of this machine, which a Space cannot read; publish its models with `vpns push --collection`, "
            "and give the collection"
        )
    files = space_files(space_id, name, found)
    with refusals(f"{space_id} could not be published", token):
        return _publish(HfApi(token=token), space_id, files, public)


def space_files(space_id: str, name: str, found: Found) -> dict[str, bytes]:
    """Returns {path in the Space: content}: the program, its requirements, its card, and this package."""
    package = {
        f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in CARRIED and path.is_file()
    }
    needed = [line for line in metadata.requires("vpns_hf") or [] if "extra ==" not in line]
    return {
        "app.py": f"from vpns_hf.browse import serve_as_space\n\nserve_as_space({name!r})\n".encode(),
        "requirements.txt": "".join(f"{line}\n" for line in needed).encode(),
        "README.md": _card(space_id, name, found).encode(),
        **package,
    }


def _card(space_id: str, name: str, found: Found) -> str:
    header = {
        **{"title": space_id.partition("/")[2], "sdk": "gradio", "sdk_version": metadata.version("gradio")},
        **{"app_file": "app.py", "python_version": f"{sys.version_info.major}.{sys.version_info.minor}"},
        **{"license": "apache-2.0", "tags": [TAG], "models": list(found.by_key)},
    }
    what = "all models with the tag `vpns`" if name == TAG else f"the models of `{name}`"
    text = f"A page to look at {what}, to try and to compare them. Made by `vpns browse {name} --space {space_id}`."
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n# Sparse models\n\n{text}\n"


def _publish(api: HfApi, space_id: str, files: Mapping[str, bytes], public: bool) -> str:
    check_no_token(files, api.token or get_token())
    url = str(api.create_repo(space_id, repo_type="space", space_sdk="gradio", private=not public, exist_ok=True))
    before = api.space_info(space_id)
    if not public and not before.private:
        raise InputError(f"{space_id} is public already; add --public to publish there, or choose another id")
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(space_id, [*added, *_stale(before, files)], commit_message=MESSAGE, repo_type="space")
    if public and before.private:
        api.update_repo_settings(space_id, private=False, repo_type="space")
    return url


def _stale(before: SpaceInfo, files: Mapping[str, bytes]) -> list[CommitOperationDelete]:
    """Returns what removes the files of an earlier version of the package."""
    there = [file.rfilename for file in before.siblings or []]
    return [CommitOperationDelete(path) for path in there if path.startswith(f"{PACKAGE.name}/") and path not in files]
