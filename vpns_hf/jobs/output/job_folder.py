"""The folder a job fills: one model folder per sparsity as it is finished, and the report at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...hub.cards import write_model_card
from ...models import VPNsForImageClassification
from ...reporting import DenseResult, Results, RunResult, write_model_plots, write_report
from ...utils.files import one_line_refusals
from ...utils.text import one_line
from ..recipe import public_recipe, write_recipe
from .digests import digest_of_file
from .output import WEIGHTS, clear_output_dir, save_model
from .saved_models import SavedModels

logger = logging.getLogger(__name__)

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

    def save(self, model: VPNsForImageClassification, sparsity: float) -> str:
        """Writes the folder of a model of that requested sparsity, and returns the digest of its weights."""
        with one_line_refusals(self.path):
            if not self._models:  # an earlier run's results stay until there is something to put in their place
                clear_output_dir(self.path)
                write_recipe(self.path / "recipe.yaml", self._recipe)
            folder = self._models.folder(sparsity)
            save_model(model, folder)
            return digest_of_file(folder / WEIGHTS)

    def describe(self, model: VPNsForImageClassification, result: RunResult, dense: DenseResult) -> None:
        """Adds plots, recipe and card to the folder of a saved model; one that fails is logged and left out."""
        sparsity = result.sparsity_requested
        folder = self._models.folder(sparsity)
        prompt = model.prompt_picture().cpu().numpy() if model.has_prompt else None
        parts = {
            "plots": lambda: write_model_plots(result, folder, prompt),
            "recipe.yaml": lambda: write_recipe(folder / "recipe.yaml", public_recipe(self._recipe, sparsity)),
            "README.md": lambda: write_model_card(folder, self._describe(dense, [result]), result),
        }
        for name, write in parts.items():
            with one_line_refusals(self.path):
                self._attempt(folder / name, write)

    def finish(self, results: Results) -> None:
        """Writes the report of all sparsities."""
        prompted = {sparsity: model for sparsity, model in self._models.items() if model.has_prompt}
        prompts = {sparsity: model.prompt_picture().numpy() for sparsity, model in prompted.items()}
        with one_line_refusals(self.path):
            write_report(results, self.path, prompts)

    @staticmethod
    def _attempt(path: Path, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError:
            raise
        except Exception as error:  # the model lies beside it, and others of the job are still to be made
            logger.error(
                "%s could not be written (%s: %s); the model is saved", path, type(error).__name__, one_line(error)
            )
            logger.debug("the fault in full", exc_info=True)
