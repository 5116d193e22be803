"""Small data sets with the columns, classes and splits of those on the Hub, as folders of parquet files."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
from datasets import ClassLabel, Features, Image, Value

from vpns_hf.data.sources import loading

ROWS = {"train": 40, "validation": 13, "valid": 13, "test": 17}
UNLABELLED = {("ILSVRC/imagenet-1k", "test")}


def classes(count: int) -> ClassLabel:
    return ClassLabel(names=[f"class {index}" for index in range(count)])


# What the cards of these repositories say, written down apart from the code that is tested.
CARDS: dict[str, tuple[Features, tuple[str, ...]]] = {
    "uoft-cs/cifar10": (Features({"img": Image(), "label": classes(10)}), ("train", "test")),
    "uoft-cs/cifar100": (
        Features({"img": Image(), "fine_label": classes(100), "coarse_label": classes(20)}),
        ("train", "test"),
    ),
    "zh-plus/tiny-imagenet": (Features({"image": Image(), "label": classes(200)}), ("train", "valid")),
    "dpdl-benchmark/oxford_flowers102": (
        Features({"file_name": Value("string"), "image": Image(), "label": classes(102)}),
        ("train", "validation", "test"),
    ),
    "mcimpoi/dtd_split_1": (Features({"image": Image(), "label": classes(47)}), ("train", "validation", "test")),
    "ethz/food101": (Features({"image": Image(), "label": classes(101)}), ("train", "validation")),
    "timm/oxford-iiit-pet": (
        Features({"image": Image(), "label": classes(37), "image_id": Value("string"), "label_cat_dog": classes(2)}),
        ("train", "test"),
    ),
    "Donghyun99/Stanford-Cars": (Features({"image": Image(), "label": classes(196)}), ("train", "test")),
    "ILSVRC/imagenet-1k": (Features({"image": Image(), "label": classes(1000)}), ("train", "validation", "test")),
}


def write_stand_in(folder: Path, hub_id: str, features: Features | None = None) -> Path:
    """Writes the data set of that id, three classes in turn, in the layout of the Hub."""
    card, splits = CARDS[hub_id]
    features = features or card
    (folder / "data").mkdir(parents=True)
    configs = "".join(f"  - {{split: {split}, path: data/{split}-*}}\n" for split in splits)
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{configs}---\n")
    for seed, split in enumerate(splits):
        rows = _rows(features, ROWS[split], seed, unlabelled=(hub_id, split) in UNLABELLED)
        rows.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def _rows(features: Features, count: int, seed: int, unlabelled: bool) -> datasets.Dataset:
    generator = np.random.default_rng(seed)
    columns = {}
    for name, feature in features.items():
        if isinstance(feature, Image):
            columns[name] = [generator.integers(0, 256, (4, 5, 3), dtype=np.uint8) for _ in range(count)]
        elif isinstance(feature, ClassLabel):
            columns[name] = [-1 if unlabelled else row % min(3, feature.num_classes) for row in range(count)]
        else:
            columns[name] = [f"{name} {row}" for row in range(count)]
    return datasets.Dataset.from_dict(columns, features=features)


def stand_in_for_hub(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path], cache_dir: Path) -> None:
    """Lets the Hub answer, and `datasets` read the folder in place of the repository of that id."""
    load_dataset = datasets.load_dataset

    def load(path: str, *args: object, revision: str | None = None, **how: object):
        return load_dataset(str(folders.get(path, path)), *args, **{**how, "cache_dir": str(cache_dir)})

    monkeypatch.setattr(loading, "is_online", lambda repo_id, repo_type: True)
    monkeypatch.setattr(loading.datasets, "load_dataset", load)
