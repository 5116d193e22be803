"""Which split of a data set plays which part."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import datasets

from ...errors import InputError
from ..catalog import DatasetSpec
from ..sources import Columns, check_columns, is_unlabelled

logger = logging.getLogger(__name__)

VALIDATION_NAMES = ("validation", "valid", "val", "dev")


@dataclass(frozen=True)
class SplitRoles:
    """The names of the splits that play each part; None means: cut it from the training rows."""

    train: tuple[str, ...]
    validation: str | None
    test: str | None


def split_roles(
    dataset: datasets.DatasetDict, columns: Columns, spec: DatasetSpec | None = None, cut_test: bool = False
) -> SplitRoles:
    """Returns which split plays which part: as `spec` says, else by the usual names.

    A test split without labels, as competitions publish it, is passed over.

    Args:
        dataset: the splits by name.
        columns: the image and the label column.
        spec: names the splits.
        cut_test: whether to test on a part of the training rows; a validation split then selects.

    Raises:
        InputError: there is no training split, or none to test on (the message lists the splits), or one is empty or
            lacks a column; or there is a test split where one is to be cut.
    """
    roles = _usual_roles(dataset, columns) if spec is None else _roles_of(spec)
    if cut_test:
        roles = _without_test(roles, dataset, columns, spec)
    for name in (*roles.train, roles.validation, roles.test):
        if name is not None:
            _check_usable(dataset, name, columns)
    return roles


def _roles_of(spec: DatasetSpec) -> SplitRoles:
    return SplitRoles(spec.train_splits, spec.validation_split, spec.test_split)


def _usual_roles(dataset: datasets.DatasetDict, columns: Columns) -> SplitRoles:
    validation = next((name for name in VALIDATION_NAMES if name in dataset), None)
    if "test" not in dataset:
        return SplitRoles(("train",), None, validation or "test")
    if validation is not None:
        check_columns(dataset["test"], columns, "test")
        if is_unlabelled(dataset["test"], columns.label):
            logger.warning("the test split has no labels; testing on the %s split instead", validation)
            return SplitRoles(("train",), None, validation)
    return SplitRoles(("train",), validation, "test")


def _without_test(
    roles: SplitRoles, dataset: datasets.DatasetDict, columns: Columns, spec: DatasetSpec | None
) -> SplitRoles:
    name = roles.test
    if spec is None and name in VALIDATION_NAMES:
        return SplitRoles(roles.train, name, None)
    if name in dataset and not (
        columns.label in dataset[name].features and is_unlabelled(dataset[name], columns.label)
    ):
        raise InputError(
            f"test_fraction cuts test images from the training split, but there is a {name} split; leave it out"
        )
    return SplitRoles(roles.train, roles.validation, None)


def _check_usable(dataset: datasets.DatasetDict, name: str, columns: Columns) -> None:
    if name not in dataset:
        raise InputError(f"no {name} split; the data set has {list(dataset)}: {_remedy(name)}")
    if len(dataset[name]) == 0:
        raise InputError(f"the {name} split is empty; give it at least one image")
    check_columns(dataset[name], columns, name)


def _remedy(missing: str) -> str:
    if missing == "test":
        return (
            "put a `test` or `validation` folder (split) beside train, or test on a part of its images with "
            "--test_fraction 0.2; give VPNsTrainer a test_dataset, or test_fraction"
        )
    return f"name the folder (split) `{missing}`"
