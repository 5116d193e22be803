"""The folder a job fills: one model folder per sparsity as it is finished, and the report at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt
import torch

from ...hub import Examples
from ...hub.cards import write_model_card
from ...models import VPNsForImageClassification
from ...reporting import (
    PREDICTIONS,
    CostRecord,
    DenseResult,
    Predictions,
    Results,
    RunResult,
    save_predictions,
    write_model_plots,
    write_report,
)
from ...utils.files import one_line_refusals
from ...utils.text import one_line
from ..cost import measure_cost
from ..recipe import public_recipe, write_recipe
from .digests import digest_of_file
from .output import WEIGHTS, clear_output_dir, dense_folder, save_model
from .saved_models import SavedModels

logger = logging.getLogger(__name__)

T = TypeVar("T")
Describe = Callable[[Sequence[RunResult], Sequence[DenseResult]], Results]


class JobFolder:
    """Writes what a job has found; belongs to the main process.

    Args:
        models: those saved so far.
        recipe: all options of the job.
        describe: gives the results of the job when some sparsities and the dense references have these.

    Every method raises InputError where the disk refuses.
    """

    def __init__(self, models: SavedModels, recipe: Mapping[str, Any], describe: Describe) -> None:
        self._models, self._recipe, self._describe = models, recipe, describe
        self.path: Path = models.output_dir

    def save(self, model: VPNsForImageClassification, sparsity: float, is_first: bool) -> str:
        """Writes the folder of a model, before anything is said of it, and returns the digest of its weights.

        Args:
            model: that is finished.
            sparsity: that was asked for.
            is_first: whether the job has saved none before.
        """
        folder = self._models.folder(sparsity)
        self._save(model, folder, is_first)
        return digest_of_file(folder / WEIGHTS)

    def save_dense(self, model: VPNsForImageClassification, passes: float, is_first: bool) -> str:
        """Writes the folder of a dense reference, and returns it relative to that of the job.

        Args:
            model: that is finished.
            passes: over the training images that it took.
            is_first: whether the job has saved no model before.
        """
        path = dense_folder(passes)
        self._save(model, self.path / path, is_first)
        return path

    def _save(self, model: VPNsForImageClassification, folder: Path, is_first: bool) -> None:
        with one_line_refusals(self.path):
            if is_first:  # an earlier run's results stay until there is something to put in their place
                clear_output_dir(self.path)
                write_recipe(self.path / "recipe.yaml", self._recipe)
            save_model(model, folder)

    def describe(self, result: RunResult, references: Sequence[DenseResult], device: torch.device) -> RunResult:
        """Measures the cost of a saved model as a user gets it, and adds plots, recipe and card to its folder.

        What fails by a fault of ours is logged and left out: the model lies there, and others are still to be made.

        Args:
            result: of the model, without its cost.
            references: the dense models of the job.
            device: to measure on.

        Returns:
            The result with the cost.
        """
        sparsity = result.sparsity_requested
        folder = self._models.folder(sparsity)
        model = VPNsForImageClassification.from_pretrained(folder).to(device)
        cost = _attempt(f"the cost of {folder}", lambda: measure_cost(model))
        result = replace(result, cost=cost or CostRecord())
        prompt = model.prompt_picture().cpu().numpy() if model.has_prompt else None
        parts = {
            "plots": lambda: write_model_plots(result, folder, prompt),
            "recipe.yaml": lambda: write_recipe(folder / "recipe.yaml", public_recipe(self._recipe, sparsity)),
            "README.md": lambda: write_model_card(folder, self._describe([result], references), result),
        }
        with one_line_refusals(self.path):
            for name, write in parts.items():
                _attempt(str(folder / name), write)
        return result

    def finish(
        self,
        results: Results,
        labels: npt.ArrayLike,
        predictions: Mapping[str, Predictions],
        examples: Examples | None,
    ) -> None:
        """Writes the report of all sparsities.

        Args:
            results: of the job.
            labels: of the test images.
            predictions: which of them each model classifies rightly, by the name of the model.
            examples: a few of them to try models on.
        """
        with one_line_refusals(self.path):
            save_predictions(self.path / PREDICTIONS, labels, predictions)
            write_report(results, self.path)
            if examples is not None:
                examples.write(self.path)
            write_recipe(self.path / "recipe.yaml", self._recipe)


def _attempt(what: str, work: Callable[[], T]) -> T | None:
    try:
        return work()
    except OSError:
        raise
    except Exception as error:
        logger.error("%s could not be told (%s: %s); the model is saved", what, type(error).__name__, one_line(error))
        logger.debug("the fault in full", exc_info=True)
        return None
