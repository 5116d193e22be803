"""What the repository of a model consists of; the model's folder is only read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from yaml import YAMLError

from ...errors import InputError
from ...reporting import Results, RunResult
from ...utils.public_names import public_command, public_name
from ..cards.model_card import over_seeds
from ..cards.text import with_last_cell
from ..run_folder import MODEL_FILES, SavedModel, other_seeds

# Whatever else lies in the folder stays where it is, pickled files and notes among it.
PATTERNS = (*MODEL_FILES, "results.json", "LICENSE*")
REQUIRED = {
    "*.safetensors": "weights",
    "preprocessor_config.json": "image processor",
    "modeling_vpns.py": "modeling file",
    "README.md": "card",
}
PLOTS_OF_THE_RUN = ("plots/accuracy_against_sparsity.png", "plots/training_curves.png")


@dataclass(frozen=True)
class Additions:
    """What is said of a model when it is published, and was not known when it was made.

    Attributes:
        license: a licence identifier of the Hub; None leaves that of the card.
        seed_dirs: output folders of the same job with other seeds, which give mean and spread.
    """

    license: str | None = None
    seed_dirs: Sequence[str | os.PathLike[str]] = ()


AS_WRITTEN = Additions()


def repository_files(model: SavedModel, repo_id: str, additions: Additions = AS_WRITTEN) -> dict[str, Path | bytes]:
    """Returns {path in the repository: file, or its content where that differs from the folder's}.

    The card names the repository instead of the folder; results.json keeps the run of this model, and the same with other
    seeds; none tells the folders that lead to a local model or data set.

    Raises:
        InputError: if weights, image processor, modeling files or card are missing, a file is a link that leads out of
            the folder, or a folder of another seed holds no model like this one.
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
    _check_no_links(files, (model.folder, model.run_folder))
    files["config.json"] = _config(model.folder / "config.json")
    seeds = other_seeds(model, additions.seed_dirs)
    spread = over_seeds([model.run, *seeds]) if seeds else None
    files["README.md"] = _card(model.folder / "README.md", repo_id, additions.license, spread)
    if model.results is not None and model.run is not None:
        files["results.json"] = _json(public_results(model.results, model.run, seeds))
    return files


def _check_no_links(files: Mapping[str, Path], folders: Sequence[Path]) -> None:
    """A folder of somebody else may link to what is nobody's business."""
    roots = [folder.resolve() for folder in folders]
    for path in files.values():
        if not any(path.resolve().is_relative_to(root) for root in roots):
            raise InputError(f"{path} is a link to a file elsewhere; put the file itself there to publish it")


def public_results(results: Results, run: RunResult, seeds: Sequence[RunResult] = ()) -> Results:
    """The results of one model, beside which they will lie; local paths lose the folders that lead to them.

    Args:
        results: of the job.
        run: of the model.
        seeds: the same with other seeds, whose models lie elsewhere.
    """
    return replace(
        results,
        runs=[replace(run, path="."), *(replace(other, path="") for other in seeds)],
        model=results.model and public_name(results.model),
        dataset=results.dataset and public_name(results.dataset),
        command=results.command and public_command(results.command),
    )


def card_for(repo_id: str, text: str, license: str | None = None, spread: str | None = None) -> str:
    """Returns a card under the name of a repository: in its title, its code and its model index.

    Args:
        repo_id: of the repository.
        text: of the card.
        license: to be named; None leaves the one of the card.
        spread: mean and standard deviation over seeds, in words; None leaves that of the card.
    """
    card = ModelCard(text)
    name = repo_id.rpartition("/")[2]
    if card.data.model_name:
        card.data.model_name = name
    if license is not None:
        card.data.license = license
    if spread is not None:
        card.text = with_last_cell(card.text, r"Top-1 [^|\n]* over seeds[^|\n]*", spread)
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


def _card(path: Path, repo_id: str, license: str | None, spread: str | None) -> bytes:
    try:
        return card_for(repo_id, path.read_text(encoding="utf-8"), license, spread).encode()
    except (ValueError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the card {path} cannot be read ({reason}); correct its header") from error


def _json(results: Results) -> bytes:
    return (json.dumps(results.to_dict(), indent=2, allow_nan=False) + "\n").encode()
