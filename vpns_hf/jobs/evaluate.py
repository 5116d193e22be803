"""A saved model measured anew: accuracy of both views on a data set, sparsity, size and latency."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from accelerate import Accelerator
from datasets import DatasetDict

from ..data import (
    Columns,
    EvalBatches,
    EvalTransform,
    ImageSource,
    ImageStore,
    find_columns,
    find_spec,
    load_image_dataset,
)
from ..data.sources import difference
from ..data.splits import EvaluationSplit, choose_calibration_split, choose_evaluation_split
from ..errors import InputError
from ..hub import FetchedModel
from ..label_mapping import are_unnamed
from ..models import VPNsForImageClassification, class_names
from ..pruning import layer_records
from ..reporting import ModelEvaluation
from ..training import evaluate_views
from ..training.distributed import check_all_joined
from ..utils.public_names import is_same_name, public_name
from .arguments import EvaluationArguments
from .cost import measure_cost_once
from .data import process_of
from .output import counted_digest
from .results import package_versions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedOn:
    """What is known of the images that a model was trained on.

    Attributes:
        recipe: options of the job that made it; {} if they are not known.
        test_digest: of the images that job tested on, with their number; None if it is not known.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    test_digest: str | None = None

    @classmethod
    def of(cls, fetched: FetchedModel) -> TrainedOn:
        """Returns what is recorded beside a model.

        Raises:
            InputError: if it cannot be read.
        """
        results = fetched.results()
        return cls(fetched.recipe(), None if results is None else results.test_digest)

    def is_named(self, dataset_name: str) -> bool:
        """Returns whether the data had this name then; of a path the last part counts."""
        return bool(self.recipe) and is_same_name(self.recipe.get("dataset_name"), public_name(dataset_name))


class EvaluationImages(EvaluationArguments):
    """What a model is measured on, opened as a job opens it."""

    def open(
        self, image_size: int, class_names: Sequence[str], trained: TrainedOn
    ) -> tuple[EvaluationSplit, ImageSource]:
        """Returns the rows and their decoded images, resized to a square.

        Args:
            image_size: side of the square, in pixels.
            class_names: of the model.
            trained: what the model was trained on.

        Raises:
            InputError: if the data cannot be loaded, their classes are not `class_names`, or rows to measure on would be
                some that the model was trained on.
        """
        part = self._part(self.max_test_samples, trained)
        self._check_unchanged(image_size, class_names, trained)
        return part, self._decode(part, image_size, class_names, self.cache_images)

    def open_calibration(
        self, image_size: int, class_names: Sequence[str], trained: TrainedOn, count: int = 256
    ) -> ImageSource:
        """Returns so many training images, decoded and resized to a square; they are not kept.

        Args:
            image_size: as of `open`.
            class_names: as of `open`.
            trained: as of `open`.
            count: of the images.

        Raises:
            InputError: as `open`, or if there is no training split.
        """
        spec, fraction = find_spec(self.dataset_name), self._fraction(trained)
        part = choose_calibration_split(self._dataset, self._columns, spec, count, fraction)
        return self._decode(part, image_size, class_names, caching="no")

    def _fraction(self, trained: TrainedOn) -> float | None:
        """Returns the share of the training rows to measure on; a job that made the model trained on the others.

        Raises:
            InputError: if it is another one than that of the job, on the same data.
        """
        recipe, name, same_data = trained.recipe, public_name(self.dataset_name), trained.is_named(self.dataset_name)
        of_job = recipe.get("test_fraction")
        if self.test_fraction is None:
            if of_job and same_data and self.split is None and "test" not in self._dataset:
                raise InputError(
                    f"{name} has no test split; give --test_fraction {of_job}, with which the model was trained on it"
                )
            return None
        if not recipe or self.test_fraction == of_job:
            return self.test_fraction
        how = f"the model was trained {f'with test_fraction {of_job}' if of_job else 'without test_fraction'}"
        if same_data:
            way_out = f"give {of_job}" if of_job else "leave it out"
            raise InputError(
                f"test_fraction is {self.test_fraction}, but {how} on {name}, so that rows to measure on would be "
                f"training images; {way_out}, or, if this is another folder of that name, rename it"
            )
        words = "%s, on %s: if its images are among those of %s, some that are measured on are training images"
        logger.warning(words, how, recipe.get("dataset_name") or "a data set without a name", name)
        return self.test_fraction

    def _check_unchanged(self, image_size: int, class_names: Sequence[str], trained: TrainedOn) -> None:
        """Raises InputError if other images would be measured on than the job kept apart: a share of others is another one."""
        if self.test_fraction is None or not trained.is_named(self.dataset_name) or trained.test_digest is None:
            return
        then = self._part(trained.recipe.get("max_test_samples"), trained)
        if trained.test_digest != counted_digest(self._decode(then, image_size, class_names, self.cache_images)):
            raise InputError(
                f"{public_name(self.dataset_name)} holds other images than when the model was trained, so that some of the "
                f"{self.test_fraction:g} to measure on would be training images; give those of then, or a test split of its own"
            )

    def _part(self, limit: int | None, trained: TrainedOn) -> EvaluationSplit:
        limits = (self.split, limit, self._fraction(trained))
        return choose_evaluation_split(self._dataset, self._columns, find_spec(self.dataset_name), *limits)

    def _decode(self, part: EvaluationSplit, image_size: int, class_names: Sequence[str], caching: str) -> ImageSource:
        check_classes(class_names, part.class_names)
        show_progress = not self.disable_tqdm
        store = ImageStore(self._columns, self.cache_dir, caching, self.on_bad_image, show_progress)
        return store.open(part.rows, [EvalTransform(image_size).resize_size], part.name, part.origin)[0]

    @cached_property
    def _dataset(self) -> DatasetDict:
        return DatasetDict(load_image_dataset(self.dataset_name, config_name=self.dataset_config_name))

    @cached_property
    def _columns(self) -> Columns:
        return find_columns(
            self._dataset, self.image_column_name, self.label_column_name, find_spec(self.dataset_name)
        )


def evaluate_model(fetched: FetchedModel, images: EvaluationImages) -> ModelEvaluation:
    """Measures a saved model; all processes take part in the accuracy and get the same result.

    Raises:
        InputError: if the model or the data cannot be loaded, or do not fit each other.
    """
    accelerator = Accelerator(mixed_precision="no")
    check_all_joined(accelerator.num_processes)
    model = fetched.load().to(accelerator.device)
    part, source = images.open(model.config.image_size, class_names(model.config), TrainedOn.of(fetched))
    process = process_of(accelerator)
    batches = EvalBatches(
        source,
        EvalTransform(model.config.image_size),
        batch_size=images.per_device_eval_batch_size * process.count,
        process=process,
    )
    measured = evaluate_views(model, batches, accelerator)
    return ModelEvaluation(
        dataset=images.dataset_name,
        split=part.name,
        images=len(source),
        accuracy=measured.accuracy,
        top5=measured.top5,
        prompt_at_inference=model.has_prompt and model.config.prompt_at_inference,
        **_weights(model),
        size=fetched.size,
        cost=measure_cost_once(model, accelerator),
        date=datetime.now(timezone.utc).date().isoformat(),
        versions=package_versions(),
    )


def check_classes(of_model: Sequence[str], of_data: Sequence[str]) -> None:
    """Checks that the classes of a model are those of the data, in the same order; LABEL_0, LABEL_1, ... go for any.

    Raises:
        InputError: if they are not: accuracies would be counted over the wrong classes.
    """
    of_model, of_data = list(of_model), list(of_data)
    any_name = are_unnamed(of_model) or are_unnamed(of_data)
    if len(of_model) == len(of_data) and (any_name or of_model == of_data):
        return
    found = difference(of_data, of_model)
    if sorted(of_model) == sorted(of_data):
        raise InputError(
            f"the classes of the data are those of the model in another order ({found}); give them in the order of the "
            "model, or prune anew on these"
        )
    raise InputError(
        f"the classes of the data are not those of the model ({found}); give the data set it was made for"
    )


def _weights(model: VPNsForImageClassification) -> dict[str, int]:
    return {"nonzero": sum(layer.nonzero for layer in layer_records(model)), "total": model.dense_weights}
