"""What the repository of a model consists of; the model's folder is only read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from yaml import YAMLError

from vpns_hf.errors import InputError
from vpns_hf.reporting import Results, RunResult

from .public_names import public_command, public_name
from .run_folder import SavedModel

# Whatever else lies in the folder stays where it is, pickled files and notes among it.
PATTERNS = (
    "config.json",
    "preprocessor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "*.py",
    "README.md",
    "recipe.yaml",
    "results.json",
    "plots/*.png",
    "LICENSE*",
)
REQUIRED = {
    "*.safetensors": "weights",
    "preprocessor_config.json": "image processor",
    "modeling_vpns.py": "modeling file",
    "README.md": "card",
}
PLOTS_OF_THE_RUN = ("plots/accuracy_against_sparsity.png", "plots/training_curves.png")


def repository_files(model: SavedModel, repo_id: str) -> dict[str, Path | bytes]:
    """Returns {path in the repository: file, or its content where that differs from the folder's}.

    The card names the repository instead of the folder; results.json keeps the run of this model only; none tells the
    folders that lead to a local model or data set.

    Raises:
        InputError: if weights, image processor, modeling files or card are missing.
    """
    for pattern, what in REQUIRED.items():
        if not any(model.folder.glob(pattern)):
            raise InputError(
                f"{model.folder} has no {what} ({pattern}); give a folder that scripts/prune.py has written"
            )
    files: dict[str, Path | bytes] = {}
    for pattern in PATTERNS:
        found = sorted(path for path in model.folder.glob(pattern) if path.is_file())
        files |= {path.relative_to(model.folder).as_posix(): path for path in found}
    files |= {name: model.run_folder / name for name in PLOTS_OF_THE_RUN if (model.run_folder / name).is_file()}
    files["config.json"] = _config(model.folder / "config.json")
    files["README.md"] = _card(model.folder / "README.md", repo_id)
    if model.results is not None and model.run is not None:
        files["results.json"] = _json(public_results(model.results, model.run))
    return files


def public_results(results: Results, run: RunResult) -> Results:
    """The results of one model, beside which they will lie; local paths lose the folders that lead to them."""
    return replace(
        results,
        runs=[replace(run, path=".")],
        model=results.model and public_name(results.model),
        dataset=results.dataset and public_name(results.dataset),
        command=results.command and public_command(results.command),
    )


def card_for(repo_id: str, text: str) -> str:
    """Returns a card under the name of a repository: in its title, its code and its model index."""
    card = ModelCard(text)
    name = repo_id.rpartition("/")[2]
    if card.data.model_name:
        card.data.model_name = name
    title = re.search(r"^# (.+)$", card.text, flags=re.MULTILINE)
    if title:
        quoted = re.compile(rf'"([\w.-]+/)?{re.escape(title[1])}"')
        body = quoted.sub(f'"{repo_id}"', card.text)
        card.text = body.replace(f"# {title[1]}\n", f"# {name}\n", 1)
    return str(card)


def _config(path: Path) -> Path | bytes:
    """Returns the configuration, rewritten only if it tells the folders that lead to a local model."""
    config = json.loads(path.read_text(encoding="utf-8"))
    shown = _without_folders(config)
    return path if shown == config else (json.dumps(shown, indent=2, sort_keys=True) + "\n").encode()


def _without_folders(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: public_name(entry) if key == "_name_or_path" and entry else _without_folders(entry)
        for key, entry in value.items()
    }


def _card(path: Path, repo_id: str) -> bytes:
    try:
        return card_for(repo_id, path.read_text(encoding="utf-8")).encode()
    except (ValueError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the card {path} cannot be read ({reason}); correct its header") from error


def _json(results: Results) -> bytes:
    return (json.dumps(results.to_dict(), indent=2, allow_nan=False) + "\n").encode()
