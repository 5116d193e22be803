"""Which column holds the images and which the classes, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import datasets
import pyarrow.compute as pc

from ...errors import InputError
from ..catalog import DatasetSpec

IMAGE_NAMES = ("image", "img")
LABEL_NAMES = ("label", "labels", "fine_label")
OPTIONS = {"image": "--image_column_name", "label": "--label_column_name"}

BINARY = (datasets.Value("binary"), datasets.Value("large_binary"))
# Paths in a table are not followed: from where they lead is anyone's guess.
NO_IMAGES = (
    "give files (train/cat/1.jpg, or train/metadata.csv with file_name and label beside the images), "
    "a column `image` of their bytes, or one made so with cast_column(name, datasets.Image())"
)


@dataclass(frozen=True)
class Columns:
    """The names of the image and of the label column."""

    image: str
    label: str


def find_columns(
    dataset: datasets.DatasetDict | datasets.Dataset,
    image_column: str | None = None,
    label_column: str | None = None,
    spec: DatasetSpec | None = None,
) -> Columns:
    """Returns the image and the label column: those named, else those of `spec`, else those whose type and name leave no doubt.

    Raises:
        InputError: a named column is not there or of another type, none fits, or several do.
    """
    features = _features(dataset)
    if spec is not None:
        image_column, label_column = image_column or spec.image_column, label_column or spec.label_column
    columns = Columns(image_column or _find_image(features), label_column or _find_label(features))
    _check(features, columns, "")
    return columns


def check_columns(split: datasets.Dataset, columns: Columns, name: str) -> None:
    """Checks that a split has both columns, and that they can hold images and classes.

    Raises:
        InputError: a column is not there or of another type; the message names the split and lists its columns.
    """
    _check(split.features, columns, f" in the {name} split")


def image_bytes(features: Mapping[str, object]) -> list[str]:
    """Returns the columns to take for images: of {bytes, path}, and where no other can be meant, one of plain bytes.

    Args:
        features: of all columns, by name.
    """
    stored = [name for name, kind in features.items() if isinstance(kind, dict) and set(kind) == {"bytes", "path"}]
    if stored or any(isinstance(kind, datasets.Image) for kind in features.values()):
        return stored
    plain = [name for name, kind in features.items() if kind in BINARY]
    return plain if len(plain) == 1 else [name for name in plain if name in IMAGE_NAMES]


def image_columns(split: datasets.Dataset) -> list[str]:
    """Returns the columns whose type is that of images."""
    return [name for name, feature in split.features.items() if isinstance(feature, datasets.Image)]


def read_column(split: datasets.Dataset, column: str) -> list:
    """Returns the values of one column as stored, without decoding any image."""
    return split.select_columns([column]).with_format("arrow")[:][column].to_pylist()


def image_files(split: datasets.Dataset, column: str) -> list[str]:
    """Returns the paths of the images of which the split holds no bytes, in the order of the rows."""
    stored = split.data.column(column)
    # Only the paths are gathered by row: the bytes of other images are never read.
    paths = pc.if_else(pc.is_null(pc.struct_field(stored, "bytes")), pc.struct_field(stored, "path"), None)
    if split._indices is not None and paths.null_count < len(paths):  # noqa: SLF001
        paths = pc.take(paths, split._indices.column(0))  # noqa: SLF001
    return paths.drop_null().to_pylist()


def _features(dataset: datasets.DatasetDict | datasets.Dataset | datasets.IterableDatasetDict) -> datasets.Features:
    if isinstance(dataset, datasets.Dataset):
        return dataset.features
    return dataset["train" if "train" in dataset else next(iter(dataset))].features


def _check(features: datasets.Features, columns: Columns, where: str) -> None:
    for kind, name in vars(columns).items():
        if name not in features:
            raise InputError(f"no {kind} column {name!r}{where}; {_way_out(features, kind)}")
    if not isinstance(features[columns.image], datasets.Image):
        problem = f"the column {columns.image!r}{where} holds {_type_name(features[columns.image])}, no images"
        raise InputError(f"{problem}; {_way_out(features, 'image')}")
    if not isinstance(features[columns.label], (datasets.ClassLabel, datasets.Value)):
        problem = f"the column {columns.label!r}{where} holds {_type_name(features[columns.label])}, no classes"
        raise InputError(f"{problem}; {_way_out(features, 'label')}")


def _find_image(features: datasets.Features) -> str:
    candidates = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    return _choose(features, candidates, IMAGE_NAMES, "image")


def _find_label(features: datasets.Features) -> str:
    candidates = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    if not candidates:
        candidates = [name for name in LABEL_NAMES if isinstance(features.get(name), datasets.Value)]
    return _choose(features, candidates, LABEL_NAMES, "label")


def _choose(features: datasets.Features, candidates: list[str], usual: tuple[str, ...], kind: str) -> str:
    chosen = candidates if len(candidates) == 1 else [name for name in candidates if name in usual]
    if len(chosen) == 1:
        return chosen[0]
    problem = f"which of {candidates} is the {kind} column" if candidates else f"no {kind} column found"
    raise InputError(f"{problem}; {_way_out(features, kind)}")


def _way_out(features: datasets.Features, kind: str) -> str:
    listing = ", ".join(f"{name} ({_type_name(feature)})" for name, feature in features.items())
    if kind == "image" and not any(isinstance(feature, datasets.Image) for feature in features.values()):
        return f"the columns are {listing}, and none holds images: {NO_IMAGES}"
    return f"the columns are {listing}: name one with {OPTIONS[kind]} (`columns` of VPNsTrainer)"


def _type_name(feature: object) -> str:
    return feature.dtype if isinstance(feature, datasets.Value) else type(feature).__name__
