"""What the repository of a model consists of; the model's folder is only read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...reporting import DenseResult, Results
from ...utils.public_names import public_name
from ..cards import CARD, RESULTS, renewed_card
from ..examples import example_files
from ..run_folder import MODEL_FILES, SavedModel, other_seeds

# Whatever else lies in the folder stays where it is, pickled files and notes among it.
PATTERNS = (*MODEL_FILES, "LICENSE*")
REQUIRED = {
    "*.safetensors": "weights",
    "preprocessor_config.json": "image processor",
    "modeling_vpns.py": "modeling file",
}
PLOTS_OF_THE_RUN = ("plots/accuracy_against_sparsity.png", "plots/training_curves.png")


@dataclass(frozen=True)
class Additions:
    """What is said of a model when it is published, and was not known when it was made.

    Attributes:
        license: a licence identifier of the Hub; None leaves that of the card.
        seed_dirs: output folders of the same job with other seeds, which give mean and spread.
        with_examples: whether the pictures of the data set that lie beside the models go with them.
    """

    license: str | None = None
    seed_dirs: Sequence[str | os.PathLike[str]] = ()
    with_examples: bool = False


AS_WRITTEN = Additions()


def repository_files(model: SavedModel, repo_id: str, additions: Additions = AS_WRITTEN) -> dict[str, Path | bytes]:
    """Returns {path in the repository: file, or its content where that differs from the folder's}.

    The card names the repository instead of the folder; results.json keeps the run of this model, and the same with other
    seeds; none tells the folders that lead to a local model or data set.

    Raises:
        InputError: if weights, image processor, modeling files or card are missing, a file is a link that leads out of
            the folder, or a folder of another seed holds no model like this one.
    """
    _check_complete(model)
    files: dict[str, Path | bytes] = _files_there(model, additions.with_examples)
    files["config.json"] = _config(model.folder / "config.json")
    seeds = other_seeds(model, additions.seed_dirs)
    results = (model.results or Results(DenseResult())).of_model(model.run, seeds)
    files[CARD] = renewed_card(model.folder, results, repo_id, additions.license).encode()
    if model.results is not None:
        files[RESULTS] = results.to_json().encode()
    return files


def _check_complete(model: SavedModel) -> None:
    needed = REQUIRED if model.run is not None else {**REQUIRED, CARD: "card"}  # one can be made of the results
    for pattern, what in needed.items():
        if not any(model.folder.glob(pattern)):
            raise InputError(f"{model.folder} has no {what} ({pattern}); give a folder that `vpns prune` has written")


def _files_there(model: SavedModel, with_examples: bool) -> dict[str, Path]:
    """Returns {path in the repository: file}; a folder of somebody else may link to what is nobody's business."""
    files = {}
    for pattern in PATTERNS:
        found = sorted(path for path in model.folder.glob(pattern) if path.is_file())
        files |= {path.relative_to(model.folder).as_posix(): path for path in found}
    files |= {name: model.run_folder / name for name in PLOTS_OF_THE_RUN if (model.run_folder / name).is_file()}
    if with_examples:
        files |= {path.relative_to(model.run_folder).as_posix(): path for path in example_files(model.run_folder)}
    roots = [folder.resolve() for folder in (model.folder, model.run_folder)]
    for path in files.values():
        if not any(path.resolve().is_relative_to(root) for root in roots):
            raise InputError(f"{path} is a link to a file elsewhere; put the file itself there to publish it")
    return files


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
