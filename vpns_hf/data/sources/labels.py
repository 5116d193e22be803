"""Class names, and labels as indices into them."""

from __future__ import annotations

import logging

import datasets
import numpy as np

from ...errors import InputError
from ..catalog import DatasetSpec
from .columns import Columns, read_column

logger = logging.getLogger(__name__)

NO_LABEL = (None, -1, "")
SIGNS = {-1, 1}  # two classes as numbers; -1 then is one of them


def class_names(dataset: datasets.DatasetDict | datasets.Dataset, columns: Columns) -> list[str]:
    """Returns the names of the classes, in label order.

    Args:
        dataset: one split, or a DatasetDict, of which `train` is read.
        columns: the image and the label column.

    Returns:
        The names of a ClassLabel column; of plain integers or strings, the sorted values that occur.

    Raises:
        InputError: there is no training split, or its labels are neither classes, integers nor strings.
    """
    return [str(value) for value in label_values(_training_split(dataset), columns.label)]


def label_values(train: datasets.Dataset, column: str) -> list[str] | list[int]:
    """Returns what a label can be: the class names of a ClassLabel column, else the sorted values of the training rows.

    Among numbers -1 stands for no label, unless all others are 1.
    """
    feature = train.features[column]
    if isinstance(feature, datasets.ClassLabel) and feature.names is not None:
        return list(feature.names)
    found = set(read_column(train, column)) - {None, ""}
    values = sorted(found if found == SIGNS else {value for value in found if not is_missing(value)})
    if not values:
        raise InputError(_no_labels("train"))
    if not all(isinstance(value, (int, str)) for value in values):
        raise InputError(f"the label column {column!r} holds {feature}; give a column of classes, integers or strings")
    return values


def check_class_count(values: list[str] | list[int], columns: Columns, spec: DatasetSpec | None) -> None:
    """Checks that the label column of a known data set holds the classes that are expected.

    Raises:
        InputError: there are more or fewer; another column than that of `spec` may hold any number.
    """
    if spec is None or spec.num_classes in (None, len(values)) or columns.label != spec.label_column:
        return
    raise InputError(
        f"the label column {columns.label!r} of {spec.path} holds {len(values)} classes, but the data set has "
        f"{spec.num_classes}: name another column with --label_column_name, or give a copy by its folder"
    )


def difference(names: list[str], expected: list[str]) -> str:
    """Returns where two lists of classes first differ, in words."""
    if len(names) != len(expected):
        return f"{len(names)} classes, not {len(expected)}"
    index = next(i for i, pair in enumerate(zip(names, expected, strict=True)) if len(set(pair)) > 1)
    return f"class {index} is {names[index]!r}, not {expected[index]!r}"


def is_missing(value: int | str | None) -> bool:
    """Returns whether a row has no label, which is written as None, as -1 (in public test splits) or as an empty text."""
    return value in NO_LABEL


def is_unlabelled(split: datasets.Dataset, column: str) -> bool:
    """Returns whether no row of a split has a label."""
    return all(is_missing(value) for value in read_column(split, column))


def encode_labels(
    split: datasets.Dataset, columns: Columns, values: list[str] | list[int], name: str
) -> datasets.Dataset:
    """Returns the split with its image column and a ClassLabel column of indices into `values`, and nothing else.

    Raises:
        InputError: a row has no label, or one that is not in `values`; the message names split and row.
    """
    indices = _indices(split, columns.label, values, name)
    feature = datasets.ClassLabel(names=[str(value) for value in values])
    _tell_of_transform(split, name)
    images = split.with_format(None).select_columns([columns.image])
    return images.add_column(columns.label, indices, feature=feature)


def _tell_of_transform(split: datasets.Dataset, name: str) -> None:
    if split.format["type"] == "custom":
        logger.warning("the transform of the %s split is not applied: images are taken as they are stored", name)


def _indices(split: datasets.Dataset, column: str, values: list, name: str) -> np.ndarray:
    feature = split.features[column]
    by_index = isinstance(feature, datasets.ClassLabel)
    if by_index and feature.names is not None and list(feature.names) != values:
        differs = difference(feature.names, [str(value) for value in values])
        raise InputError(
            f"the classes of the {name} split differ from those of the training split ({differs}); they must agree"
        )
    index_of = {index: index for index in range(len(values))} if by_index else {v: i for i, v in enumerate(values)}
    labels = read_column(split, column)
    _check_labels(labels, index_of, name)
    return np.array([index_of[label] for label in labels], dtype=np.int64)


def _check_labels(labels: list, index_of: dict, name: str) -> None:
    bad = [row for row, label in enumerate(labels) if label not in index_of]
    if not bad:
        return
    if len(bad) == len(labels) and all(map(is_missing, labels)):
        raise InputError(_no_labels(name))
    label = labels[bad[0]]
    meaning = ", which stands for none" if label == -1 else ""
    given = f"no label ({label!r}{meaning})" if is_missing(label) else f"the label {label!r}"
    raise InputError(
        f"row {bad[0]} of the {name} split has {given}; expected one of {len(index_of)} classes, "
        f"such as {next(iter(index_of))!r}: remove such rows, {len(bad)} of {len(labels)}"
    )


def _no_labels(name: str) -> str:
    return (
        f"the {name} split has no labels; give one that has, such as one folder of images per class ({name}/cat/1.jpg)"
    )


def _training_split(dataset: datasets.DatasetDict | datasets.Dataset) -> datasets.Dataset:
    if isinstance(dataset, datasets.Dataset):
        return dataset
    if "train" not in dataset:
        raise InputError(f"no train split among {list(dataset)}; give the split whose classes count")
    return dataset["train"]
