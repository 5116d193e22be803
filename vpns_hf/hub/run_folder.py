"""The models a run has saved, with their part of its results."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError
from ..models import VPNsConfig
from ..reporting import Results, RunResult, sparsity_name
from ..reporting.comparison import is_comparison
from ..utils.public_names import public_name
from ..utils.text import differences, one_line
from .naming import field_values

MODEL_FILES = (
    "config.json",
    "preprocessor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "*.py",
    "README.md",
    "results.json",
    "recipe.yaml",
    "plots/*.png",
)
DENSE_FOLDER = "dense-reference"  # of the dense models that a run keeps


@dataclass(frozen=True)
class SavedModel:
    """A model folder, and what its run says of it.

    Attributes:
        folder: of the model.
        run_folder: where the report of the run is; the folder itself where there is none.
        results: of the whole run, with evaluations and latency of this model, if they are there.
        run: the entry of `results` for this model.
    """

    folder: Path
    run_folder: Path
    results: Results | None = None
    run: RunResult | None = None

    def fields(self) -> dict[str, str]:
        """Returns what the names in braces of an id stand for; {} without results."""
        run, results = self.run, self.results
        if run is None or results is None:
            return {}
        return field_values(
            results.model, results.dataset, run.sparsity_requested, run.method, run.granularity, run.seed
        )

    def has_sparsity(self, sparsity: float) -> bool:
        """Returns whether this sparsity was asked for."""
        if self.run is not None:
            return self.run.sparsity_requested == sparsity
        return self.folder.name == sparsity_name(sparsity)


def find_models(run_dir: str | os.PathLike[str], sparsity: float | None = None) -> list[SavedModel]:
    """Returns the models of a run, in the order of their sparsity; one if `run_dir` is itself a model folder.

    Args:
        run_dir: the output folder of a run, or one of the model folders in it.
        sparsity: the requested sparsity to choose; None takes all.

    Raises:
        InputError: if there is no such folder, no model in it or none of that sparsity, or results.json cannot be read.
    """
    folder = Path(run_dir).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no folder {run_dir}; give the output_dir of a run, or a model folder in it")
    models = [_with_results(folder, folder.absolute().parent)] if is_model_folder(folder) else _models_below(folder)
    if not models:
        raise InputError(
            f"{run_dir} holds no pruned model; give the output_dir of a finished run, or a model folder in it"
        )
    if sparsity is None:
        return models
    chosen = [model for model in models if model.has_sparsity(sparsity)]
    if not chosen:
        there = ", ".join(model.folder.name for model in models)
        raise InputError(f"{run_dir} holds no model of sparsity {sparsity:g}; there are: {there}")
    return chosen


def other_seeds(model: SavedModel, run_dirs: Sequence[str | os.PathLike[str]]) -> list[RunResult]:
    """Returns the results of a model's job with other seeds, one from each output folder.

    Raises:
        InputError: if a folder holds no model of that sparsity, it differs in more than its seed (the line lists in what),
            or two have the same seed.
    """
    if not run_dirs:
        return []
    identity, found = _identity(model), {model.run.seed: model.run}
    for run_dir in run_dirs:
        [other] = find_models(run_dir, model.run.sparsity_requested)[:1]
        changes = differences(identity, _identity(other), "there")
        if changes:
            raise InputError(
                f"{run_dir} differs from {model.folder} in more than the seed: {'; '.join(changes)}; give runs of the same job"
            )
        if other.run.seed in found:
            raise InputError(f"{run_dir} has seed {other.run.seed}, as another run has; give each seed once")
        found[other.run.seed] = other.run
    return list(found.values())[1:]


def _identity(model: SavedModel) -> dict[str, Any]:
    """Returns all that is known to decide on the figures of a model, but its seed."""
    options = recipe_of(model.folder)
    if model.run is None or not options:
        raise InputError(f"nothing tells how {model.folder} was made; give a folder of a finished job")
    run, results = model.run, model.results
    measured = {name: getattr(run, name) for name in ("method", "granularity", "scope", "sparsity_requested", "split")}
    names = {"model": public_name(results.model or ""), "data set": public_name(results.dataset or "")}
    return {**options, **names, **measured, "protocol": results.protocol, "images": results.images, "seed": None}


def recipe_of(folder: Path) -> dict[str, Any]:
    """Returns the options of the job that made the model in a folder; {} where none were recorded.

    Raises:
        InputError: if they cannot be read.
    """
    recipe = folder / "recipe.yaml"
    try:
        options = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.exists() else {}
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{recipe}, which tells how a model was made, cannot be read ({one_line(error)})") from error
    return options if isinstance(options, dict) else {}


def weights_size(folder: Path) -> int | None:
    """Returns the size of the saved weights in a folder, in bytes; None if there are none."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) or None


def is_model_folder(folder: Path) -> bool:
    """Returns whether a folder holds the configuration of a pruned model."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("model_type") == VPNsConfig.model_type


def _models_below(run_dir: Path) -> list[SavedModel]:
    folders = [path.parent for path in run_dir.glob("*/config.json") if not path.parent.name.startswith(".")]
    models = [_with_results(folder, run_dir) for folder in sorted(folders) if is_model_folder(folder)]
    return sorted(models, key=lambda model: model.run.sparsity_requested if model.run else -1.0)


def _with_results(folder: Path, run_folder: Path) -> SavedModel:
    """Finds the results of a model: those of its run, or the ones beside the model itself, where what was measured of it later is."""
    own, of_run = _results_in(folder), _results_in(run_folder)
    for place, results, path in ((run_folder, of_run, folder.absolute().name), (folder, own, ".")):
        run = next((run for run in results.runs if run.path == path), None) if results else None
        if run is not None:
            measured = own or Results(results.dense)
            of_model = replace(results, evaluations=measured.evaluations, latency=measured.latency)
            return SavedModel(folder, place, of_model, run)
    return SavedModel(folder, folder, own)


def _results_in(folder: Path) -> Results | None:
    path = folder / "results.json"
    return Results.load(path) if path.is_file() and not is_comparison(folder) else None
