"""A saved model as a folder: a local one as it is, one on the Hub downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download

from ..backbones import check_finite
from ..errors import InputError
from ..models import VPNsForImageClassification
from ..reporting import Results
from ..utils.hub_client import is_online, refusals
from .naming import check_repo_id
from .run_folder import is_model_folder, recipe_of, weights_size

# No code among them: the package has its own. What the card shows or links to is looked for when it is made anew.
PATTERNS = ["*.json", "*.safetensors", "README.md", "recipe.yaml", "plots/prompt.png", "plots/density_by_layer.png"]


@dataclass(frozen=True)
class FetchedModel:
    """Where the files of a saved model are.

    Attributes:
        folder: with the files.
        repo_id: of the repository on the Hub they came from; None of a local folder.
    """

    folder: Path
    repo_id: str | None = None

    @property
    def commit(self) -> str | None:
        """The commit the files are of, 40 digits; None of a local folder."""
        return None if self.repo_id is None else self.folder.name

    @property
    def size(self) -> int:
        """Of the weights, in bytes."""
        return weights_size(self.folder) or 0

    def recipe(self) -> dict[str, Any]:
        """Returns the options of the job that made it; {} where these were not recorded.

        Raises:
            InputError: if they cannot be read.
        """
        return recipe_of(self.folder)

    def results(self) -> Results | None:
        """Returns what was measured of it by the job that made it; None where that was not recorded.

        Raises:
            InputError: if it cannot be read.
        """
        path = self.folder / "results.json"
        return Results.load(path) if path.is_file() else None

    def load(self) -> VPNsForImageClassification:
        """Returns the model, in evaluation mode.

        Raises:
            InputError: if it cannot be loaded, or its weights are no numbers.
        """
        try:
            model = VPNsForImageClassification.from_pretrained(self.folder).eval()
            check_finite(model)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{self.repo_id or self.folder} cannot be loaded: {reason}") from error
        return model


def fetch_model(name: str, revision: str | None = None) -> FetchedModel:
    """Returns the files of a pruned model; where the Hub does not answer, those that were downloaded before.

    Args:
        name: a local folder, or a Hub id.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: if there is neither, the Hub refuses, or it is no pruned model.
    """
    folder = Path(name).expanduser()
    fetched = FetchedModel(folder) if folder.is_dir() else _download(name, revision)
    if not is_model_folder(fetched.folder):
        raise InputError(
            f"{name} holds no pruned model (a config.json of model_type vpns); give a folder such as "
            "output/digits/sparsity-70, or the Hub id of one that was published"
        )
    return fetched


def _download(name: str, revision: str | None) -> FetchedModel:
    try:
        repo_id = check_repo_id(name)
    except InputError:
        raise InputError(f"there is no folder {name}, and it is no Hub id of the form owner/name; give one") from None
    with refusals(f"{name} is no folder here and could not be loaded from the Hub"):
        offline = not is_online(repo_id, "model")
        folder = snapshot_download(repo_id, revision=revision, allow_patterns=PATTERNS, local_files_only=offline)
    return FetchedModel(Path(folder), repo_id)
