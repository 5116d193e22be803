"""The data sets that have a short name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set is and which of its columns and splits play which part.

    Attributes:
        path: a Hub id, a local folder, or a name of `vpns_hf.data.loading.GENERATED`.
        image_column: the column that holds the images.
        label_column: the column that holds the classes.
        train_splits: the splits that are trained on, joined in this order.
        test_split: the split the final accuracy is measured on.
        validation_split: the split that selects checkpoints; None cuts one from the training rows.
        config_name: the configuration of a data set that has several.
    """

    path: str
    image_column: str
    label_column: str
    train_splits: tuple[str, ...] = ("train",)
    test_split: str = "test"
    validation_split: str | None = None
    config_name: str | None = None


DATASETS: dict[str, DatasetSpec] = {
    "digits": DatasetSpec("digits", "image", "label", validation_split="validation"),
}
