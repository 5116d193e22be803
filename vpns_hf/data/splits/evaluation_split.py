"""The rows a saved model is measured on: by default those that `vpns prune` tests on."""

from __future__ import annotations

from dataclasses import dataclass

import datasets

from ...errors import InputError
from ..catalog import DatasetSpec
from ..provenance import Origin
from ..sources import Columns, check_no_image_twice
from .splits import named_splits, prepare_splits


@dataclass(frozen=True)
class EvaluationSplit:
    """Rows with an image column and a ClassLabel column.

    Attributes:
        rows: in the order of the split.
        name: of the split.
        class_names: in label order.
        origin: where the rows come from.
    """

    rows: datasets.Dataset
    name: str
    class_names: tuple[str, ...]
    origin: Origin


def choose_evaluation_split(
    dataset: datasets.DatasetDict,
    columns: Columns,
    spec: DatasetSpec | None = None,
    split: str | None = None,
    max_samples: int | None = None,
    test_fraction: float | None = None,
) -> EvaluationSplit:
    """Chooses the rows to measure on; the classes are those of the training split, or of the rows where there is none.

    Args:
        dataset: at least the split to measure on.
        columns: the image and the label column.
        spec: of a data set with a short name.
        split: its name; None takes the one that `vpns prune` tests on.
        max_samples: keep this many first rows.
        test_fraction: measure on the rows that a job with this one tests on.

    Raises:
        InputError: if there is no such split, its columns or labels cannot be used, or it holds a file twice.
    """
    if test_fraction is not None:
        return _cut_off(dataset, columns, spec, split, max_samples, test_fraction)
    name = _named(dataset, columns, spec, split)
    pair = datasets.DatasetDict({"train": dataset.get("train", dataset[name]), "test": dataset[name]})
    chosen = prepare_splits(pair, columns, seed=0, max_test_samples=max_samples, use_all_of_train=True)
    check_no_image_twice({name: dataset[name]}, columns.image)
    origin = Origin.whole({name: len(dataset[name])}).take(range(len(chosen.test)))
    return EvaluationSplit(chosen.test, name, chosen.class_names, origin)


def _cut_off(
    dataset: datasets.DatasetDict,
    columns: Columns,
    spec: DatasetSpec | None,
    split: str | None,
    max_samples: int | None,
    fraction: float,
) -> EvaluationSplit:
    if split is not None:
        raise InputError(f"split is {split} and test_fraction {fraction}, which cuts its own; leave out one of them")
    limits = {"max_test_samples": max_samples, "test_fraction": fraction, "use_all_of_train": True}
    chosen = prepare_splits(dataset, columns, seed=0, spec=spec, **limits)
    check_no_image_twice(dataset, columns.image)
    return EvaluationSplit(chosen.test, "test", chosen.class_names, chosen.origins["test"])


def _named(dataset: datasets.DatasetDict, columns: Columns, spec: DatasetSpec | None, split: str | None) -> str:
    if split is None and "train" not in dataset and len(dataset) == 1:
        return next(iter(dataset))
    if split is None:
        return named_splits(dataset, columns, spec)["test_split"]
    if split not in dataset:
        raise InputError(f"no {split} split; the data set has {list(dataset)}: give one of these as --split")
    return split
