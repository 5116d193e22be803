"""Whether parquet files can be read as one data set: no column twice, and the same classes in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import datasets
import pyarrow.parquet as pq

from vpns_hf.data.labels import difference
from vpns_hf.errors import InputError


def check_files_agree(paths: Iterable[str]) -> None:
    """Checks the schemas of parquet files: `datasets` takes the classes of the first file and the numbers of all.

    Raises:
        InputError: a file has a column twice, or two files name different classes.
        ValueError, OSError: a file is no parquet file or cannot be read.
    """
    classes: dict[str, tuple[str, list[str]]] = {}
    for path in paths:
        schema, file = pq.read_schema(path), Path(path).name
        _check_columns(schema.names, file)
        for column, feature in datasets.Features.from_arrow_schema(schema).items():
            if isinstance(feature, datasets.ClassLabel):
                first, names = classes.setdefault(column, (file, feature.names))
                _check_classes(column, feature.names, names, file, first)


def _check_columns(names: list[str], file: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f"{file} has the column {repeated[0]!r} more than once: rename or drop one")


def _check_classes(column: str, names: list[str], expected: list[str], file: str, first: str) -> None:
    if names != expected:
        raise InputError(
            f"the classes of the column {column!r} in {file} differ from those in {first} "
            f"({difference(names, expected)}); they must agree"
        )
