from __future__ import annotations

import re
from pathlib import Path

import pytest
from datasets import ClassLabel, Features, Image, Value

from tests.data.stand_ins import CARDS, ROWS, stand_in_for_hub, write_stand_in
from tests.helpers import refusal
from vpns_hf.data import DATASETS, DatasetSpec, find_columns, find_spec, load_image_dataset, prepare_splits
from vpns_hf.data.splits import named_splits
from vpns_hf.errors import InputError

ON_HUB = [name for name in DATASETS if name != "digits"]
BATCH_SIZES = {"dtd": 64, "oxford_pets": 64, "flowers102": 128, "stanford_cars": 128, "imagenet-1k": 1024}
# The splits trained on, selected with and tested on.
PARTS = {
    "cifar10": (("train",), None, "test"),
    "cifar100": (("train",), None, "test"),
    "tiny-imagenet": (("train",), None, "valid"),
    "flowers102": (("train",), "validation", "test"),
    "dtd": (("train", "validation"), None, "test"),
    "food101": (("train",), None, "validation"),
    "oxford_pets": (("train",), None, "test"),
    "stanford_cars": (("train",), None, "test"),
    "imagenet-1k": (("train",), None, "validation"),
}
CHOICES = (named_splits, lambda dataset, columns, spec: prepare_splits(dataset, columns, spec=spec, seed=0))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {hub_id: write_stand_in(root / hub_id, hub_id) for hub_id in CARDS}


@pytest.fixture
def hub(monkeypatch, folders, tmp_path_factory) -> None:
    stand_in_for_hub(monkeypatch, folders, tmp_path_factory.getbasetemp() / "cache")


def test_every_data_set_of_the_paper_has_a_short_name():
    assert set(ON_HUB) == set(PARTS)
    assert {DATASETS[name].path for name in ON_HUB} == set(CARDS)


def test_batch_sizes_are_the_papers():
    assert {name: spec.batch_size for name, spec in DATASETS.items() if spec.batch_size != 256} == BATCH_SIZES


def test_a_short_name_and_a_hub_id_have_one_entry():
    for name in ON_HUB:
        assert find_spec(name) is find_spec(DATASETS[name].path) is DATASETS[name]
    assert find_spec("someone/cifar10") is None
    assert find_spec(None) is None


@pytest.mark.parametrize("name", ON_HUB)
def test_from_a_name_to_splits(hub, name):
    train, validation, test = PARTS[name]
    for given in (name, DATASETS[name].path):
        dataset = load_image_dataset(given)
        spec = find_spec(given)
        columns = find_columns(dataset, spec=spec)
        parts = named_splits(dataset, columns, spec)
        assert len(parts["train_dataset"]) == sum(ROWS[split] for split in train)
        assert parts["test_split"] == test
        assert len(parts["test_dataset"]) == ROWS[test]
        assert (validation and ROWS[validation]) == (parts["eval_dataset"] and len(parts["eval_dataset"]))
    splits = prepare_splits(dataset, columns, spec=spec, seed=7, use_all_of_train=True)
    assert splits.train["label" if name != "cifar100" else "fine_label"] == parts["train_dataset"][columns.label]
    assert len(splits.class_names) == spec.num_classes
    assert splits.origins["train"].name == "+".join(train)
    assert splits.origins["test"].name == test


def test_dtd_is_trained_on_both_splits_in_order(hub):
    dataset = load_image_dataset("dtd")
    joined = named_splits(dataset, find_columns(dataset, spec=DATASETS["dtd"]), DATASETS["dtd"])["train_dataset"]
    for row, (split, index) in {0: ("train", 0), 39: ("train", 39), 40: ("validation", 0)}.items():
        assert joined[row]["image"].tobytes() == dataset[split][index]["image"].tobytes()


def test_another_number_of_classes_is_refused_in_one_line(monkeypatch, tmp_path):
    features = Features({"image": Image(), "label": ClassLabel(names=["cat", "dog", "owl"])})
    folder = write_stand_in(tmp_path / "pets", "timm/oxford-iiit-pet", features)
    stand_in_for_hub(monkeypatch, {"timm/oxford-iiit-pet": folder}, tmp_path / "cache")
    dataset, spec = load_image_dataset("oxford_pets"), DATASETS["oxford_pets"]
    columns = find_columns(dataset, spec=spec)
    for choose in CHOICES:
        said = refusal(choose, dataset, columns, spec)
        assert re.search("'label' of timm/oxford-iiit-pet holds 3 classes.* has 37", said)


def test_another_label_column_has_its_own_classes(hub):
    dataset, spec = load_image_dataset("cifar100"), DATASETS["cifar100"]
    columns = find_columns(dataset, label_column="coarse_label", spec=spec)
    assert len(prepare_splits(dataset, columns, spec=spec, seed=0).class_names) == 20
    assert len(named_splits(dataset, columns, spec)["train_dataset"]) == ROWS["train"]


def test_joined_splits_must_agree_on_the_classes(make_split, columns):
    spec = DatasetSpec("x", "image", "label", train_splits=("train", "more"))
    for feature in (ClassLabel(names=["dog", "cat", "owl"]), Value("int64")):
        dataset = {"train": make_split([0, 1, 2]), "more": make_split([0, 1], label_feature=feature)}
        dataset["test"] = dataset["train"]
        for choose in CHOICES:
            with pytest.raises(InputError, match="classes of the more split differ from those of the train split"):
                choose(dataset, columns, spec)
