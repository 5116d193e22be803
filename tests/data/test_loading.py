from __future__ import annotations

import datasets
import pytest
from huggingface_hub import HfApi

from vpns_hf.data import find_columns, load_image_dataset, loading
from vpns_hf.errors import InputError
from vpns_hf.hub.reach import hub_answers

HUB_README = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: valid, path: data/valid-*}
---
"""


def test_short_name():
    pytest.importorskip("sklearn")
    assert set(load_image_dataset("digits")) == {"train", "validation", "test"}


def test_parquet_folder_in_hub_layout(tmp_path, make_split):
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text(HUB_README)
    for name in ("train", "valid"):
        make_split([0, 1, 2]).to_parquet(tmp_path / "data" / f"{name}-00000-of-00001.parquet")
    dataset = load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in dataset.items()} == {"train": 3, "valid": 3}
    assert find_columns(dataset).image == "image"


def test_folder_of_images_per_class(tmp_path, make_split):
    for split in ("train", "test"):
        for name, row in zip(("cat", "dog"), make_split([0, 1]), strict=True):
            (tmp_path / split / name).mkdir(parents=True)
            row["image"].save(tmp_path / split / name / "1.png")
    dataset = load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert dataset["test"].features["label"].names == ["cat", "dog"]
    assert len(dataset["train"]) == 2


def test_saved_to_disk(tmp_path, make_split):
    datasets.DatasetDict({"train": make_split([0, 1]), "test": make_split([2])}).save_to_disk(str(tmp_path))
    assert load_image_dataset(str(tmp_path))["test"]["label"] == [2]


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_missing_folder(name):
    with pytest.raises(InputError, match="no data set folder"):
        load_image_dataset(name)


def test_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="no images could be loaded") as caught:
        load_image_dataset(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_hub_out_of_reach_points_to_local_folders(monkeypatch):
    def unreachable(*args, **kwargs):
        raise ConnectionError("Couldn't reach the Hub\nsecond line")

    monkeypatch.setattr(loading.datasets, "load_dataset", unreachable)
    with pytest.raises(InputError, match=r"someone/something.*local folder") as caught:
        load_image_dataset("someone/something")
    assert "\n" not in str(caught.value)


def test_warning_of_a_silent_hub_promises_no_download(monkeypatch, caplog):
    def silent(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "repo_info", silent)
    assert not hub_answers("someone/something", "dataset")
    assert "(no route): looking for an earlier download of someone/something" in caplog.text
