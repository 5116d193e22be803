"""The folder a job fills: one model folder per sparsity as it is finished, and the report at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...hub.cards import write_model_card
from ...models import VPNsForImageClassification
from ...reporting import DenseResult, Results, RunResult, write_model_plots, write_report
from ...utils.files import one_line_refusals
from ..recipe import public_recipe, write_recipe
from .digests import digest_of_file
from .output import WEIGHTS, clear_output_dir, save_model
from .saved_models import SavedModels

Describe = Callable[[DenseResult, Sequence[RunResult]], Results]


class JobFolder:
    """Writes what a job has found; belongs to the main process.

    Args:
        models: those saved so far.
        recipe: all options of the job.
        describe: gives the results of the job when the dense model and some sparsities have these.

    Every method raises InputError where the disk refuses.
    """

    def __init__(self, models: SavedModels, recipe: Mapping[str, Any], describe: Describe) -> None:
        self._models, self._recipe, self._describe = models, recipe, describe
        self.path: Path = models.output_dir

    def save(self, model: VPNsForImageClassification, result: RunResult, dense: DenseResult) -> str:
        """Writes the folder of a model, and returns the digest of its weights."""
        with one_line_refusals(self.path):
            if not self._models:  # an earlier run's results stay until there is something to put in their place
                clear_output_dir(self.path)
                write_recipe(self.path / "recipe.yaml", self._recipe)
            folder = self._models.folder(result.sparsity_requested)
            save_model(model, folder, lambda aside: self._complete(aside, model, result, dense))
            return digest_of_file(folder / WEIGHTS)

    def finish(self, results: Results) -> None:
        """Writes the report of all sparsities."""
        prompted = {sparsity: model for sparsity, model in self._models.items() if model.has_prompt}
        prompts = {sparsity: model.prompt_picture().numpy() for sparsity, model in prompted.items()}
        with one_line_refusals(self.path):
            write_report(results, self.path, prompts)

    def _complete(self, aside: Path, model: VPNsForImageClassification, result: RunResult, dense: DenseResult) -> None:
        """Adds plots, recipe and card to a model that was written to `aside`."""
        prompt = model.prompt_picture().cpu().numpy() if model.has_prompt else None
        write_model_plots(result, aside, prompt)
        write_recipe(aside / "recipe.yaml", public_recipe(self._recipe, result.sparsity_requested))
        write_model_card(aside, self._describe(dense, [result]), result)
