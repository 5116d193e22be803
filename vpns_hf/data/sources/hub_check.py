"""Whether the data sets with a short name are on the Hub as their entries say: one batch of each is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import datasets
import numpy as np

from ...errors import InputError
from ...utils.hub_client import is_online
from ..catalog import DATASETS, DatasetSpec
from ..images import to_planes, to_rgb, to_square
from .columns import Columns, check_columns, find_columns
from .diagnosis import reason_of
from .labels import check_class_count, is_missing
from .loading import GENERATED, stream_image_dataset

BATCH = 8  # images
SIZE = 224  # pixels
OK = "ok"
UNREACHABLE = "the Hub does not answer"


@dataclass(frozen=True)
class DatasetCheck:
    """What was found of a data set, in words; what comes after a failure stays empty.

    Attributes:
        name: the short name.
        path: the Hub id.
        result: `OK`, or what is wrong in one line.
        columns: the image and the label column.
        splits: all that there are.
        classes: how many the label column has.
        batch: the shape of one batch of decoded and resized training images.
    """

    name: str
    path: str
    result: str
    columns: str = ""
    splits: str = ""
    classes: str = ""
    batch: str = ""


def check_datasets(names: Sequence[str]) -> list[DatasetCheck]:
    """Checks data sets one after the other; a Hub that is silent once is not asked again.

    Args:
        names: of `DATASETS`; none means all.

    Raises:
        InputError: a name is not there.
    """
    unknown = [name for name in names if name not in DATASETS]
    if unknown:
        raise InputError(f"no data set is called {unknown[0]!r}; there are: {', '.join(DATASETS)}")
    checks, silent = [], False
    for name in names or DATASETS:
        path = DATASETS[name].path
        silent = silent or not (path in GENERATED or is_online(path, "dataset"))
        reachable = path in GENERATED or not silent
        checks.append(check_dataset(name) if reachable else DatasetCheck(name, path, UNREACHABLE))
    return checks


def check_dataset(name: str) -> DatasetCheck:
    """Reads one batch of every split that plays a part in the entry `name` of `DATASETS`, as a stream."""
    spec, found, result = DATASETS[name], {}, OK
    try:
        for fact, words in _facts(name, spec):
            found[fact] = words
    except Exception as error:  # whatever the readers raise is the result
        result = reason_of(error)
    return DatasetCheck(name, spec.path, result, **found)


def _facts(name: str, spec: DatasetSpec) -> Iterator[tuple[str, str]]:
    """Yields the fields of a DatasetCheck as they are found out, until something is wrong."""
    splits = stream_image_dataset(name)
    yield "splits", ", ".join(splits)
    columns = find_columns(splits, spec=spec)
    yield "columns", f"{columns.image}, {columns.label}"
    parts = [split for split in (*spec.train_splits, spec.validation_split, spec.test_split) if split is not None]
    for split in parts:
        if split not in splits:
            raise InputError(f"there is no {split} split")
        check_columns(splits[split], columns, split)
    classes = getattr(splits[parts[0]].features[columns.label], "names", None) or []
    yield "classes", str(len(classes))
    check_class_count(classes, columns, spec)
    shapes = [_read_batch(splits[split], split, columns, len(classes)) for split in parts]
    yield "batch", "x".join(map(str, shapes[0]))


def _read_batch(split: datasets.IterableDataset, name: str, columns: Columns, num_classes: int) -> tuple[int, ...]:
    """Decodes the first images of a split; returns the shape of the batch."""
    rows = list(split.take(BATCH))
    if not rows:
        raise InputError(f"the {name} split is empty")
    for row in rows:
        label = row[columns.label]
        if is_missing(label) or not 0 <= label < num_classes:
            raise InputError(f"the {name} split has the label {label!r}; there are {num_classes} classes")
    return np.stack([to_planes(to_square(to_rgb(row[columns.image]), SIZE)) for row in rows]).shape
