"""Finding models on the Hub: those of a collection, of a tag, or a single one; their results are fetched, no weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from huggingface_hub import HfApi, ModelInfo, snapshot_download

from ...errors import InputError
from ...hub import check_repo_id
from ...reporting import Results
from ...utils.hub_client import refusals
from ...utils.text import one_line
from .folders import RESULTS, models_of_job
from .models import Found, FoundModel

TAG = "vpns"
SIMULTANEOUS = 8  # requests
COLLECTION = re.compile(r"(?:https?://[^/]+/collections/)?(?P<slug>[^/\s]+/\S+-[0-9a-f]{24})")
# No code among them, and no weights: these are fetched when a model is tried.
PATTERNS = [RESULTS, "config.json", "README.md", "recipe.yaml", "plots/*.png", "examples/*.png"]


def models_on_hub(name: str, token: str | None = None) -> Found:
    """Returns the models of a collection (slug or address), of the tag `vpns`, or of one repository.

    Those without a results.json are left out with the reason.

    Raises:
        InputError: if it is none of these, the Hub refuses, or no model is left.
    """
    with refusals(f"the models of {name} could not be listed", token):
        repo_ids = _repositories(HfApi(token=token), name)
    with ThreadPoolExecutor(SIMULTANEOUS) as pool:
        found = list(pool.map(lambda repo_id: _attempt(repo_id, token), repo_ids))
    models = {model.key: model for model in found if isinstance(model, FoundModel)}
    left_out = [line for line in found if isinstance(line, str)]
    if not models:
        why = left_out[0] if left_out else "there is none"
        raise InputError(f"{name} has no model to show: {why}; give a collection of models that `vpns push` published")
    return Found([models[key] for key in sorted(models)], left_out, f"{name} on the Hub")


def _repositories(api: HfApi, name: str) -> Sequence[str]:
    if name == TAG:
        return [model.id for model in api.list_models(filter=TAG)]
    if match := COLLECTION.fullmatch(name):
        return [item.item_id for item in api.get_collection(match["slug"]).items if item.item_type == "model"]
    try:
        return [check_repo_id(name)]
    except InputError:
        raise InputError(
            f"there is no folder {name}, and it is no collection or model of the Hub; give one, or {TAG} for all with that tag"
        ) from None


def _attempt(repo_id: str, token: str | None) -> FoundModel | str:
    try:
        with refusals(f"{repo_id} is left out", token):
            return _fetch(HfApi(token=token).model_info(repo_id, files_metadata=True), token)
    except InputError as error:
        return one_line(error)


def _fetch(info: ModelInfo, token: str | None) -> FoundModel:
    if not any(file.rfilename == RESULTS for file in info.siblings or []):
        raise InputError(f"{info.id} is left out: it has no {RESULTS}")
    folder = Path(snapshot_download(info.id, revision=info.sha, allow_patterns=PATTERNS, token=token))
    found = models_of_job(folder, Results.load(folder / RESULTS), folder)
    if not found:
        raise InputError(f"{info.id} is left out: its {RESULTS} holds no run")
    sizes = [file.size or 0 for file in info.siblings or [] if file.rfilename.endswith(".safetensors")]
    return replace(found[0], key=info.id, repo_id=info.id, size=sum(sizes) or None)
