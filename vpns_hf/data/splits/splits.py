"""The three parts of a data set: what is trained on, what selects, and what the final accuracy is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import datasets
import numpy as np

from ...errors import InputError
from ..catalog import DatasetSpec
from ..provenance import Origin
from ..sources import Columns, check_class_count, encode_labels, label_values, read_column
from ..stratify import stratified_cut
from .class_coverage import warn_of_classes_apart, warn_of_classes_cut_off
from .roles import split_roles

TEST_SEED = 0  # that of every job, so that all of them are tested on the same images


@dataclass(frozen=True)
class Splits:
    """Rows with an image column and a ClassLabel column each; the test rows take no part in any choice.

    `validation` is None where all training rows are used and the data set brings no validation split. `origins` says
    where the rows of "train", "validation" and "test" come from.
    """

    train: datasets.Dataset
    validation: datasets.Dataset | None
    test: datasets.Dataset
    class_names: tuple[str, ...]
    origins: Mapping[str, Origin]


def prepare_splits(
    dataset: datasets.DatasetDict,
    columns: Columns,
    *,
    seed: int,
    spec: DatasetSpec | None = None,
    validation_fraction: float = 0.1,
    test_fraction: float | None = None,
    max_train_samples: int | None = None,
    max_eval_samples: int | None = None,
    max_test_samples: int | None = None,
    use_all_of_train: bool = False,
) -> Splits:
    """Chooses the rows to train on, to select with and to test on.

    A data set with a validation and a test split brings both. One with only a validation split beside train
    (Tiny-ImageNet) is tested on it. Where no validation split is left it is cut from the training rows: stratified,
    the same rows for the same seed.

    Args:
        dataset: at least a training split and one to test on.
        columns: the image and the label column.
        seed: of the cut.
        spec: names the splits; None goes by their usual names.
        validation_fraction: in (0, 1), the share of the training rows that is cut off.
        test_fraction: in (0, 1), the share of the training rows to test on, where there is no test split: stratified,
            the same rows for every `seed`. None for a data set that brings such a split.
        max_train_samples: keep this many first training rows, before the cut.
        max_eval_samples: keep this many first validation rows.
        max_test_samples: keep this many first test rows.
        use_all_of_train: cut nothing from the training rows.

    Raises:
        InputError: a split is missing, empty or without labels, a column is missing or of another type, a label is
            out of range, or a number is.
    """
    roles = split_roles(dataset, columns, spec, test_fraction is not None)
    values = label_values(_joined(dataset, roles.train, columns), columns.label)
    check_class_count(values, columns, spec)
    whole = _part(dataset, roles.train, columns, values)
    _check_several(values, columns)
    if roles.test is None:
        whole, tested = _cut(whole, columns, test_fraction, TEST_SEED, "test")
    else:
        tested = _part(dataset, (roles.test,), columns, values)
    train = _first(whole, columns, max_train_samples, "training", "max_train_samples")
    test = _first(tested, columns, max_test_samples, "test", "max_test_samples")
    labels = (read_column(part.rows, columns.label) for part in (whole, tested))
    warn_of_classes_apart(*labels, values, roles.test or "test")
    validation = None
    if roles.validation is not None:
        validation = _part(dataset, (roles.validation,), columns, values)
    elif not use_all_of_train:
        train, validation = _cut(train, columns, validation_fraction, seed, "validation")
    if validation is not None:
        validation = _first(validation, columns, max_eval_samples, "validation", "max_eval_samples")
    return _as_splits(train, validation, test, values)


def _as_splits(train: _Part, validation: _Part | None, test: _Part, values: Sequence[object]) -> Splits:
    parts = {"train": train, "validation": validation, "test": test}
    return Splits(
        train.rows,
        None if validation is None else validation.rows,
        test.rows,
        tuple(str(value) for value in values),
        {name: part.origin for name, part in parts.items() if part is not None},
    )


def named_splits(
    dataset: datasets.DatasetDict,
    columns: Columns,
    spec: DatasetSpec | None = None,
    test_fraction: float | None = None,
) -> dict[str, datasets.Dataset | str | None]:
    """Returns the rows of each part and the name of the split to test on, by the argument of `VPNsTrainer` that takes them.

    With a `test_fraction` there are no test rows yet: they are cut from the training rows.

    Raises:
        InputError: as `split_roles`; or the classes are not those that are expected.
    """
    roles = split_roles(dataset, columns, spec, test_fraction is not None)
    train = _joined(dataset, roles.train, columns)
    if spec is not None:
        check_class_count(label_values(train, columns.label), columns, spec)
    return {
        "train_dataset": train,
        "eval_dataset": None if roles.validation is None else dataset[roles.validation],
        "test_dataset": None if roles.test is None else dataset[roles.test],
        "test_split": roles.test or "test",
    }


def _joined(dataset: datasets.DatasetDict, names: tuple[str, ...], columns: Columns) -> datasets.Dataset:
    if len(names) == 1:
        return dataset[names[0]]
    parts = [dataset[name].select_columns([columns.image, columns.label]) for name in names]
    for name, part in zip(names, parts, strict=True):
        if part.features[columns.label] != parts[0].features[columns.label]:
            raise InputError(
                f"the classes of the {name} split differ from those of the {names[0]} split; they must agree"
            )
    return datasets.concatenate_datasets(parts)


@dataclass(frozen=True)
class _Part:
    """Rows with encoded labels, and where they come from."""

    rows: datasets.Dataset
    origin: Origin

    def take(self, rows: Sequence[int]) -> _Part:
        return _Part(self.rows.select(rows), self.origin.take(rows))


def _part(dataset: datasets.DatasetDict, names: tuple[str, ...], columns: Columns, values: list) -> _Part:
    encoded = [encode_labels(dataset[name], columns, values, name) for name in names]
    rows = encoded[0] if len(encoded) == 1 else datasets.concatenate_datasets(encoded)
    return _Part(rows, Origin.whole({name: len(dataset[name]) for name in names}))


def _check_several(values: list, columns: Columns) -> None:
    if len(values) == 1:
        raise InputError(
            f"the label column {columns.label!r} holds the one class {values[0]!r}; "
            "give at least two, such as one folder of images per class (train/cat/1.jpg, train/dog/1.jpg)"
        )


def _first(part: _Part, columns: Columns, count: int | None, name: str, option: str) -> _Part:
    if count is None:
        return part
    if count < 1:
        raise InputError(f"{option} is {count}; give a number of at least 1, or leave it out for all rows")
    first = part.take(range(min(count, len(part.rows))))
    warn_of_classes_cut_off(*(read_column(rows, columns.label) for rows in (first.rows, part.rows)), name, option)
    return first


def _cut(train: _Part, columns: Columns, fraction: float, seed: int, name: str) -> tuple[_Part, _Part]:
    """Cuts training rows in two; the second part is to be the split `name`."""
    if not 0 < fraction < 1:
        raise InputError(f"{name}_fraction is {fraction}; give a number between 0 and 1, both excluded")
    labels = np.array(read_column(train.rows, columns.label))
    kept, cut = stratified_cut(labels, fraction, seed)
    if len(cut) == 0:
        raise _nothing_cut(train, columns, labels, fraction, name)
    return train.take(kept), train.take(cut)


def _nothing_cut(train: _Part, columns: Columns, labels: np.ndarray, fraction: float, name: str) -> InputError:
    if len(set(labels.tolist())) < len(labels):
        problem = f"{fraction} of {len(labels)} training rows leaves no {name} image"
        return InputError(f"{problem}; give more rows or a larger {name}_fraction")
    single = train.rows.features[columns.label].int2str(int(labels[0]))
    problem = f"class {single!r}, as each of the {len(labels)}, has one training image, so none is left"
    if name == "test":
        return InputError(f"{problem} to test on; give each class at least two, or add a test split")
    return InputError(
        f"{problem} to validate with; "
        "give each class at least two, add a validation split, or train on all images with --paper_protocol"
    )
