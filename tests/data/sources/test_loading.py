from __future__ import annotations

import re
from types import SimpleNamespace

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from tests.helpers import refusal
from vpns_hf.data import (
    DATASETS,
    Columns,
    check_dataset_is_there,
    find_columns,
    load_image_dataset,
    stream_image_dataset,
)
from vpns_hf.data.sources import loading
from vpns_hf.errors import InputError
from vpns_hf.utils.hub_client import is_online

HUB_README = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: valid, path: data/valid-*}
---
"""


def test_parquet_folder_in_hub_layout(tmp_path, make_split):
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text(HUB_README)
    for name in ("train", "valid"):
        make_split([0, 1, 2]).to_parquet(tmp_path / "data" / f"{name}-00000-of-00001.parquet")
    dataset = load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in dataset.items()} == {"train": 3, "valid": 3}
    assert find_columns(dataset).image == "image"


def test_saved_to_disk(tmp_path, make_split):
    datasets.DatasetDict({"train": make_split([0, 1]), "test": make_split([2])}).save_to_disk(str(tmp_path))
    assert load_image_dataset(str(tmp_path))["test"]["label"] == [2]


def test_a_stream_must_say_its_columns(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text("image,label\n1.png,cat\n")
    with pytest.raises(InputError, match=r"does not say its columns before it is read; leave out --streaming$"):
        stream_image_dataset(str(tmp_path))


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_split_of_a_file_without_rows(tmp_path, make_split, name):
    for split in ("train", "test"):
        make_split([] if split == name else [0, 1]).to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(InputError, match=f"^the {name} split is empty; give it at least one image$"):
        load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))


def test_one_split_saved_to_disk_is_trained_on(tmp_path, make_split):
    make_split([0, 1]).save_to_disk(str(tmp_path))
    assert {name: len(split) for name, split in load_image_dataset(str(tmp_path)).items()} == {"train": 2}


def test_images_of_parquet_files_that_do_not_say_so(tmp_path, make_split):
    stored = make_split([0, 1, 2]).data.table.replace_schema_metadata(None)
    pq.write_table(stored, tmp_path / "train.parquet")
    dataset = load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert find_columns(dataset) == Columns("image", "label")
    assert dataset["train"][1]["image"].tobytes() == make_split([0, 1, 2])[1]["image"].tobytes()


@pytest.mark.parametrize(
    ("names", "taken"),
    [(["image"], ["image"]), (["photo"], ["photo"]), (["raw", "img"], ["img"]), (["raw", "thumbnail"], [])],
)
def test_plain_bytes_are_images_where_nothing_else_can_be_meant(tmp_path, make_split, names, taken):
    rows = make_split([0, 1, 2])
    content = rows.data.column("image").combine_chunks().field("bytes")
    columns = {**dict.fromkeys(names, content), "label": rows.data.column("label")}
    pq.write_table(pa.table(columns).replace_schema_metadata(None), tmp_path / "train.parquet")
    for load, how in ((stream_image_dataset, {}), (load_image_dataset, {"cache_dir": str(tmp_path / "cache")})):
        dataset = load(str(tmp_path), **how)["train"]
        found = [name for name, feature in dataset.features.items() if isinstance(feature, datasets.Image)]
        assert found == taken
        for name in taken:
            assert [row[name].tobytes() for row in dataset] == [image.tobytes() for image in rows["image"]]


@pytest.mark.parametrize("kind", ["parquet", "images", "disk"])
def test_a_stream_gives_the_same_rows(tmp_path, make_split, kind):
    split = make_split([0, 1, 0])
    if kind == "parquet":
        split.to_parquet(tmp_path / "train.parquet")
    elif kind == "disk":
        datasets.DatasetDict({"train": split}).save_to_disk(str(tmp_path))
    else:
        for row, example in enumerate(split):
            (tmp_path / "train" / "ab"[example["label"]]).mkdir(parents=True, exist_ok=True)
            example["image"].save(tmp_path / "train" / "ab"[example["label"]] / f"{row}.png")
    streamed = list(stream_image_dataset(str(tmp_path))["train"])
    loaded = list(load_image_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))["train"])
    assert len(streamed) == 3
    assert [row["label"] for row in streamed] == [row["label"] for row in loaded]
    assert [row["image"].tobytes() for row in streamed] == [row["image"].tobytes() for row in loaded]


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_missing_folder(name):
    with pytest.raises(InputError, match="no data set folder"):
        load_image_dataset(name)
    with pytest.raises(InputError, match="no data set folder"):
        check_dataset_is_there(name)


def test_what_is_there_is_found_and_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "is_online", lambda *_: True)
    monkeypatch.setattr(loading.datasets, "load_dataset_builder", lambda name, config: asked.append((name, config)))
    asked: list[tuple[str, str | None]] = []
    for name in ("digits", str(tmp_path), "dtd", "someone/something"):
        check_dataset_is_there(name, config_name="a")
    assert asked == [(DATASETS["dtd"].path, "a"), ("someone/something", "a")]


def test_a_name_that_the_hub_does_not_have_is_not_there():
    with pytest.raises(InputError, match="nothere is no folder here, and could not be loaded from the Hub"):
        check_dataset_is_there("nothere")


def test_a_file_is_not_its_folder(tmp_path, make_split):
    make_split([0, 1]).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(InputError, match=f"train.parquet is a file; give its folder, {tmp_path}, of which"):
        load_image_dataset(str(tmp_path / "train.parquet"))


def test_folder_without_images(tmp_path):
    assert "no images could be loaded" in refusal(load_image_dataset, str(tmp_path))


def test_hub_out_of_reach_points_to_local_folders(monkeypatch):
    def unreachable(*args, **kwargs):
        raise ConnectionError("Couldn't reach the Hub\nsecond line")

    monkeypatch.setattr(loading.datasets, "load_dataset", unreachable)
    assert re.search("someone/something.*local folder", refusal(load_image_dataset, "someone/something"))


def test_a_repository_whose_folders_look_like_splits(monkeypatch):
    address = "hf://datasets/a/b@main/train/steam train/1.png"
    builder = SimpleNamespace(config=SimpleNamespace(data_files={"train": [address, address], "test": [address]}))
    monkeypatch.setattr(loading, "is_online", lambda *_: True)
    monkeypatch.setattr(loading.datasets, "load_dataset_builder", lambda *_, **__: builder)
    monkeypatch.setattr(loading.datasets, "load_dataset", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(
        InputError, match=r"1\.png is read twice in the train split.* `hf download a/b --repo-type dataset"
    ):
        load_image_dataset("a/b")


def test_warning_of_a_silent_hub_promises_no_download(monkeypatch, caplog):
    def silent(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "repo_info", silent)
    assert not is_online("someone/something", "dataset")
    assert "(no route): looking for an earlier download of someone/something" in caplog.text
