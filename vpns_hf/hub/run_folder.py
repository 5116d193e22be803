"""The models a run has saved, with their part of its results."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from ..models import VPNsConfig
from ..reporting import Results, RunResult, sparsity_name
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


@dataclass(frozen=True)
class SavedModel:
    """A model folder, and what its run says of it.

    Attributes:
        folder: of the model.
        run_folder: where the report of the run is; the folder itself where there is none.
        results: of the whole run, with the evaluations of this model, if they are there.
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
        InputError: if a folder holds none that differs from the model in its seed alone, or two have the same seed.
    """
    found: dict[int, RunResult] = {}
    for run_dir in run_dirs:
        run = next((other.run for other in find_models(run_dir) if _is_twin(model, other)), None)
        if run is None or run.seed in found:
            raise InputError(
                f"{run_dir} holds no model like {model.folder} of another seed: model, data set, method, granularity, "
                "sparsity and split have to be the same; name each seed once"
            )
        found[run.seed] = run
    return list(found.values())


def _is_twin(model: SavedModel, other: SavedModel) -> bool:
    if None in (model.run, model.results, other.run, other.results):
        return False
    same_job = (model.results.model, model.results.dataset) == (other.results.model, other.results.dataset)
    return same_job and model.run.is_same_but_seed(other.run)


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
    """Finds the results of a model: those of its run, or the ones beside the model itself, where its evaluations are."""
    own, of_run = _results_in(folder), _results_in(run_folder)
    for place, results, path in ((run_folder, of_run, folder.absolute().name), (folder, own, ".")):
        run = next((run for run in results.runs if run.path == path), None) if results else None
        if run is not None:
            return SavedModel(folder, place, replace(results, evaluations=own.evaluations if own else []), run)
    return SavedModel(folder, folder, own)


def _results_in(folder: Path) -> Results | None:
    path = folder / "results.json"
    return Results.load(path) if path.is_file() else None
