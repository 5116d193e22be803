"""The data sets that have a short name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set is, which of its columns and splits play which part, and the batch size the paper gives it.

    Attributes:
        path: a Hub id, a local folder, or a name of `vpns_hf.data.sources.loading.GENERATED`.
        image_column: the column that holds the images.
        label_column: the column that holds the classes.
        train_splits: the splits that are trained on, joined in this order.
        test_split: the split the final accuracy is measured on.
        validation_split: the split that selects checkpoints; None cuts one from the training rows.
        config_name: the configuration of a data set that has several.
        num_classes: of the label column, checked against the data; None takes what the data have.
        batch_size: images per update over all processes together, unless a run says otherwise.
    """

    path: str
    image_column: str
    label_column: str
    train_splits: tuple[str, ...] = ("train",)
    test_split: str = "test"
    validation_split: str | None = None
    config_name: str | None = None
    num_classes: int | None = None
    batch_size: int = 256


# Splits and batch sizes are the paper's (arXiv 2312.01397); the Hub ids hold parquet files, which load without a script.
DATASETS: dict[str, DatasetSpec] = {
    "digits": DatasetSpec("digits", "image", "label", validation_split="validation", num_classes=10),
    "cifar10": DatasetSpec("uoft-cs/cifar10", "img", "label", num_classes=10),
    "cifar100": DatasetSpec("uoft-cs/cifar100", "img", "fine_label", num_classes=100),
    "tiny-imagenet": DatasetSpec("zh-plus/tiny-imagenet", "image", "label", test_split="valid", num_classes=200),
    "flowers102": DatasetSpec(
        "dpdl-benchmark/oxford_flowers102",
        "image",
        "label",
        validation_split="validation",
        num_classes=102,
        batch_size=128,
    ),
    "dtd": DatasetSpec(
        "mcimpoi/dtd_split_1", "image", "label", train_splits=("train", "validation"), num_classes=47, batch_size=64
    ),
    "food101": DatasetSpec("ethz/food101", "image", "label", test_split="validation", num_classes=101),
    "oxford_pets": DatasetSpec("timm/oxford-iiit-pet", "image", "label", num_classes=37, batch_size=64),
    "stanford_cars": DatasetSpec("Donghyun99/Stanford-Cars", "image", "label", num_classes=196, batch_size=128),
    "imagenet-1k": DatasetSpec(
        "ILSVRC/imagenet-1k", "image", "label", test_split="validation", num_classes=1000, batch_size=1024
    ),
}


def find_spec(name: str | None) -> DatasetSpec | None:
    """Returns the entry of `DATASETS` of that short name or Hub id; None for any other data set."""
    return DATASETS.get(name) or next((spec for spec in DATASETS.values() if spec.path == name), None)
