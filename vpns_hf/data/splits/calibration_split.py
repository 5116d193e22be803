"""The training rows that show a finished network what its activations look like."""

from __future__ import annotations

import math

import datasets
import numpy as np

from ..catalog import DatasetSpec
from ..sources import Columns, read_column
from ..stratify import balanced_rows
from .evaluation_split import EvaluationSplit
from .splits import prepare_splits

SEED = 0


def choose_calibration_split(
    dataset: datasets.DatasetDict,
    columns: Columns,
    spec: DatasetSpec | None = None,
    count: int = 256,
    test_fraction: float | None = None,
) -> EvaluationSplit:
    """Chooses training rows, as many of each class as of any other where there are enough; always the same ones.

    Args:
        dataset: at least a training split and, without a `test_fraction`, one to test on.
        columns: the image and the label column.
        spec: of a data set with a short name.
        count: rows; all of fewer ones.
        test_fraction: choose none of the rows that a job with this one tests on.

    Raises:
        InputError: as `prepare_splits`.
    """
    whole = prepare_splits(dataset, columns, seed=SEED, spec=spec, test_fraction=test_fraction, use_all_of_train=True)
    labels = np.asarray(read_column(whole.train, columns.label))
    rows = balanced_rows(labels, math.ceil(count / len(whole.class_names)), SEED)
    chosen = np.sort(np.random.default_rng(SEED).permutation(rows)[:count]).tolist()
    return EvaluationSplit(whole.train.select(chosen), "train", whole.class_names, whole.origins["train"].take(chosen))
