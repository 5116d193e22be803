from __future__ import annotations

import pytest

from vpns_hf.data import load_image_dataset, stream_image_dataset

READ = ("train/cat/1.png", "train/cat/2.PNG", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png")


@pytest.fixture
def pets(tmp_path, make_split):
    image = make_split([0])[0]["image"]

    def write(*paths: str):
        for path in paths:
            (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "pets" / path, "PNG")
        return tmp_path / "pets"

    return write


@pytest.fixture(params=[load_image_dataset, stream_image_dataset])
def warnings(request, tmp_path, caplog):
    """What is said while a folder is read."""
    how = {"cache_dir": str(tmp_path / "cache")} if request.param is load_image_dataset else {}

    def read(folder) -> list[str]:
        request.param(str(folder), **how)
        return [record.message for record in caplog.records if record.name == "vpns_hf.data.sources.diagnosis"]

    return read


def test_nothing_is_said_of_a_folder_that_is_read_whole(pets, warnings):
    folder = pets(*READ, "train/cat/.hidden.png", "__pycache__/1.png")
    (folder / "README.md").write_text("# Pets\n")
    (folder / "LICENSE").write_text("free")
    assert warnings(folder) == []


def test_files_that_are_not_read_are_counted_and_named(pets, warnings):
    folder = pets(*READ, "train/cat/a.heic", "train/dog/b.heic", "train/dog/c.heic")
    (folder / "train" / "cat" / "gone.png").symlink_to("nowhere.png")
    (folder / "train" / "cat" / "same.png").symlink_to("1.png")
    [said] = warnings(folder)
    assert said.startswith(f"4 files in {folder} are not read")
    assert said.endswith(": train/cat/a.heic, train/cat/gone.png, train/dog/b.heic, and 1 more")


def test_a_folder_without_images_is_named(pets, warnings):
    folder = pets(*READ)
    (folder / "train" / "emu").mkdir()
    assert warnings(folder) == [f"1 folder in {folder} is without images and so no class: train/emu"]


def test_a_linked_folder_is_named(pets, warnings, tmp_path):
    folder = pets(*READ)
    (tmp_path / "emus").mkdir()
    (folder / "train" / "cat" / "1.png").rename(tmp_path / "emus" / "1.png")
    (folder / "train" / "emu").symlink_to(tmp_path / "emus")
    (folder / "train" / "dog" / "loop").symlink_to(folder)
    [said] = warnings(folder)
    assert said.startswith(f"2 linked folders in {folder} are not followed; put the folders themselves there: ")
    assert said.endswith("train/dog/loop, train/emu")


def test_a_parquet_file_whose_name_ends_in_capitals_is_named(tmp_path, make_split, warnings):
    folder = tmp_path / "pets"
    make_split([0, 1]).to_parquet(folder / "train-0.parquet")
    make_split([0, 1]).to_parquet(folder / "train-1.PARQUET")
    (folder / "notes.txt").write_text("mine")
    [said] = warnings(folder)
    assert said.startswith(f"1 file in {folder} is not read")
    assert said.endswith(": train-1.PARQUET")


def test_files_that_the_card_of_a_data_set_leaves_out_are_left_out_on_purpose(tmp_path, make_split, warnings):
    folder = tmp_path / "pets"
    make_split([0, 1]).to_parquet(folder / "data" / "some.parquet")
    make_split([0, 1]).to_parquet(folder / "data" / "more.parquet")
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: data/some.parquet\n---\n")
    assert warnings(folder) == []


def test_images_without_a_row_are_counted(pets, tmp_path, caplog):
    folder = pets("train/1.png", "train/2.png", "train/3.png")
    (folder / "train" / "metadata.csv").write_text("file_name,label\n1.png,0\n3.png,1\n")
    assert len(load_image_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]) == 2
    assert "left out of the 3 images of the train split, as no row of its metadata file names them: 1" in caplog.text
