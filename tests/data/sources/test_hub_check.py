from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from datasets import ClassLabel, Features, Image, Value

from tests.data.stand_ins import CARDS, stand_in_for_hub, write_stand_in
from vpns_hf.data import DATASETS
from vpns_hf.data.sources import OK, UNREACHABLE, DatasetCheck, check_dataset, check_datasets
from vpns_hf.data.sources import hub_check as checking
from vpns_hf.errors import InputError

PETS = "timm/oxford-iiit-pet"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Puts stand-ins of these data sets on a Hub that answers."""

    def put(*ids: str, features: Features | None = None) -> dict[str, Path]:
        folders = {hub_id: write_stand_in(tmp_path / hub_id, hub_id, features) for hub_id in ids}
        stand_in_for_hub(monkeypatch, folders, tmp_path / "cache")
        monkeypatch.setattr(checking, "is_online", lambda repo_id, repo_type: True)
        return folders

    return put


def test_every_data_set_that_is_as_expected_is_ok(hub):
    hub(*CARDS)
    checks = check_datasets([name for name in DATASETS if name != "digits"])
    assert [check.result for check in checks] == [OK] * len(CARDS)
    assert {check.batch for check in checks} == {"8x3x224x224"}
    assert [int(check.classes) for check in checks] == [DATASETS[check.name].num_classes for check in checks]
    flowers = next(check for check in checks if check.name == "flowers102")
    assert flowers == DatasetCheck(
        "flowers102",
        "dpdl-benchmark/oxford_flowers102",
        OK,
        columns="image, label",
        splits="train, validation, test",
        classes="102",
        batch="8x3x224x224",
    )


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        (Features({"picture": Image(), "label": ClassLabel(num_classes=37)}), "no image column 'image'"),
        (Features({"image": Value("string"), "label": ClassLabel(num_classes=37)}), "holds string, no images"),
        (Features({"image": Image(), "label": ClassLabel(num_classes=36)}), "36 classes, but the data set has 37"),
    ],
)
def test_what_is_not_as_expected_is_said_in_one_line(hub, features, reason):
    hub(PETS, features=features)
    check = check_dataset("oxford_pets")
    assert reason in check.result
    assert "\n" not in check.result
    assert (check.splits, check.batch) == ("train, test", "")


def test_a_split_that_is_missing_and_one_without_labels(hub):
    folder = hub(PETS)[PETS]
    test = next(folder.glob("data/test-*"))
    hidden = datasets.Dataset.from_parquet(str(test), cache_dir=str(folder / "cache")).to_dict()
    features = CARDS[PETS][0]
    datasets.Dataset.from_dict({**hidden, "label": [-1] * 17}, features=features).to_parquet(test)
    assert check_dataset("oxford_pets").result == "the test split has the label -1; there are 37 classes"
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: data/train-*\n---\n")
    assert check_dataset("oxford_pets").result == "there is no test split"


def test_an_image_that_cannot_be_read(hub):
    folder = hub(PETS)[PETS]
    test = next(folder.glob("data/test-*"))
    rows = datasets.Dataset.from_parquet(str(test), cache_dir=str(folder / "cache"))
    stored = rows.cast_column("image", Image(decode=False)).to_list()
    stored[3]["image"] = {"bytes": b"no picture", "path": None}
    datasets.Dataset.from_list(stored, features=rows.features).to_parquet(test)
    check = check_dataset("oxford_pets")
    assert "cannot identify image file" in check.result
    assert check.classes == "37"


def test_a_silent_hub_is_asked_once(monkeypatch):
    pytest.importorskip("sklearn")
    asked = []
    monkeypatch.setattr(checking, "is_online", lambda repo_id, repo_type: asked.append(repo_id))
    results = {check.name: check.result for check in check_datasets(["cifar10", "digits", "dtd"])}
    assert results == {"cifar10": UNREACHABLE, "digits": OK, "dtd": UNREACHABLE}
    assert asked == ["uoft-cs/cifar10"]


def test_an_unknown_name():
    with pytest.raises(InputError, match=f"no data set is called 'cifar'; there are: {', '.join(DATASETS)}"):
        check_datasets(["cifar10", "cifar"])
