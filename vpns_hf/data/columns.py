"""Which column holds the images and which the classes."""

from __future__ import annotations

from dataclasses import dataclass

import datasets

from vpns_hf.errors import InputError

IMAGE_NAMES = ("image", "img")
LABEL_NAMES = ("label", "labels", "fine_label")


@dataclass(frozen=True)
class Columns:
    """The names of the image and of the label column."""

    image: str
    label: str


def find_columns(
    dataset: datasets.DatasetDict | datasets.Dataset, image_column: str | None = None, label_column: str | None = None
) -> Columns:
    """The image and the label column: those named, else those whose type and name leave no doubt.

    Raises:
        InputError: a named column is not there, none fits, or several do.
    """
    features = _features(dataset)
    return Columns(
        image=_named(features, image_column, "image") or _find_image(features),
        label=_named(features, label_column, "label") or _find_label(features),
    )


def _features(dataset: datasets.DatasetDict | datasets.Dataset) -> datasets.Features:
    if isinstance(dataset, datasets.Dataset):
        return dataset.features
    return dataset["train" if "train" in dataset else next(iter(dataset))].features


def _named(features: datasets.Features, name: str | None, kind: str) -> str | None:
    if name is not None and name not in features:
        raise InputError(f"no {kind} column {name!r}; the columns are {_listing(features)}")
    return name


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
    raise InputError(f"{problem}; the columns are {_listing(features)}; name it with {kind}_column")


def _listing(features: datasets.Features) -> str:
    return ", ".join(
        f"{name} ({getattr(feature, 'dtype', None) or type(feature).__name__})" for name, feature in features.items()
    )
