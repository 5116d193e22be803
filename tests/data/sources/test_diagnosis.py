"""Folders with something wrong in them, and what is said."""

from __future__ import annotations

import re
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers import refusal
from vpns_hf.data import load_image_dataset, stream_image_dataset
from vpns_hf.errors import InputError

READ = ("train/cat/1.png", "train/cat/2.PNG", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png")
TRAIN, TEST = ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png"), ("test/cat/1.png", "test/dog/1.png")
LAYOUTS = {
    "one split without": ((*TRAIN, "test/1.png", "test/2.png"), "the test split has no class folders, .* test/1.png"),
    "one image less deep": ((*TRAIN, *TEST, "train/x.png"), "train/x.png lies less deep than"),
    "one class": (("train/cat/1.png", "test/cat/2.png"), "one class folder, cat, .* at least two classes"),
    "no folder": (("1.png", "2.png"), "its images, such as [12].png, lie in no folder"),
}
TWO_CONFIGS = """---
configs:
- config_name: one
  data_files: [{split: train, path: train.parquet}]
- config_name: two
  data_files: [{split: train, path: test.parquet}]
---
"""


@pytest.fixture
def pets(tmp_path, make_split):
    """Makes a folder with an image at each of some paths."""
    image = make_split([0])[0]["image"]

    def write(*paths: str) -> Path:
        for path in paths:
            (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "pets" / path, "PNG")
        return tmp_path / "pets"

    return write


@pytest.fixture(params=["loaded", "streamed"])
def read(request, tmp_path):
    """Reads a folder at once or as a stream."""

    def build(folder: Path):
        if request.param == "streamed":
            return stream_image_dataset(str(folder))
        return load_image_dataset(str(folder), cache_dir=str(tmp_path / "cache"))

    return build


@pytest.fixture
def refused(read):
    """What is said about a folder that cannot be read."""
    return lambda folder: refusal(read, folder)


@pytest.fixture
def warnings(read, caplog):
    """What is said while a folder is read."""

    def build(folder: Path) -> list[str]:
        read(folder)
        return [record.message for record in caplog.records if record.name == "vpns_hf.data.sources.diagnosis"]

    return build


def write_parquet(folder: Path, **tables: pa.Table | datasets.Dataset) -> Path:
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table.data.table if isinstance(table, datasets.Dataset) else table, folder / f"{name}.parquet")
    return folder


def save(folder: Path, **splits: datasets.Dataset) -> Path:
    datasets.DatasetDict(splits).save_to_disk(str(folder))
    return folder


@pytest.mark.parametrize(("paths", "words"), LAYOUTS.values(), ids=LAYOUTS)
def test_what_is_wrong_with_the_layout(pets, refused, paths, words):
    assert re.search(f"shows no classes: .*{words}.*such as train/cat/1.jpg", refused(pets(*paths)))


def test_a_table_beside_the_images_may_give_the_classes(pets, tmp_path):
    folder = pets("train/1.png", "train/2.png")
    (folder / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\n2.png,dog\n")
    assert load_image_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]["label"] == ["cat", "dog"]


def test_nothing_is_said_of_a_folder_that_is_read_whole(pets, warnings):
    folder = pets(*READ, "train/cat/.hidden.png")
    for name in ("__pycache__", ".git"):
        (folder / name).mkdir()
        (folder / name / "index").write_bytes(b"no image")
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


def test_a_link_that_leads_back_is_named(pets, warnings):
    folder = pets(*READ)
    (folder / "train" / "dog" / "loop").symlink_to(folder)
    [said] = warnings(folder)
    assert said == f"1 linked folder in {folder} is not followed, as it leads to a folder above: train/dog/loop"


def test_archives_and_hidden_folders_are_named(pets, warnings):
    folder = pets(*READ, "train/.thumbnails/cat/1.png", "__MACOSX/train/cat/._1.png", "train/dog/@eaDir/1.png")
    (folder / "train.zip").write_bytes(b"PK")
    archives, hidden = warnings(folder)
    assert archives == f"1 archive in {folder} is not read; unpack what belongs to the images: train.zip"
    assert hidden == (
        f"3 folders in {folder} are hidden or left behind by other programs, and so not read: __MACOSX, "
        "train/.thumbnails, train/dog/@eaDir"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_name;label\n1.png;cat\n2.png;dog\n", "train/metadata.csv has semicolons between its columns: write it"),
        ("file_name\tlabel\n1.png\tcat\n2.png\tdog\n", "train/metadata.csv has tabs between its columns: write it"),
        (
            "image,label\n1.png,cat\n",
            "train/metadata.csv has no column file_name, which names the images, but 'image'",
        ),
    ],
)
def test_why_a_table_is_not_read_is_said(pets, refused, text, said):
    folder = pets("train/1.png", "train/2.png")
    (folder / "train" / "metadata.csv").write_text(text)
    assert refused(folder).startswith(said)


@pytest.mark.parametrize("name", ["pets.zip", "train.tar.gz", "test.TAR", "damaged.tar"])
def test_archives_are_to_be_unpacked(tmp_path, refused, name):
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / name).write_bytes(b"no archive")
    assert refused(tmp_path / "pets").endswith(f"holds 1 archive, such as {name}: unpack it")
    assert (
        refused(tmp_path / "pets" / name)
        == f"{tmp_path / 'pets' / name} is an archive; unpack it, and give the folder"
    )


def test_a_parquet_file_whose_name_ends_in_capitals_is_named(tmp_path, make_split, warnings):
    folder = write_parquet(tmp_path / "pets", **{"train-0": make_split([0, 1])})
    make_split([0, 1]).to_parquet(folder / "train-1.PARQUET")
    (folder / "notes.txt").write_text("mine")
    [said] = warnings(folder)
    assert said.startswith(f"1 file in {folder} is not read")
    assert said.endswith(": train-1.PARQUET")


def test_files_that_the_card_of_a_data_set_leaves_out_are_left_out_on_purpose(tmp_path, make_split, warnings):
    write_parquet(tmp_path / "pets", some=make_split([0, 1]), more=make_split([0, 1]))
    card = "---\nconfigs:\n- config_name: default\n  data_files: some.parquet\n---\n"
    (tmp_path / "pets" / "README.md").write_text(card)
    assert warnings(tmp_path / "pets") == []


def test_images_without_a_row_are_counted(pets, tmp_path, caplog):
    folder = pets("train/1.png", "train/2.png", "train/3.png")
    (folder / "train" / "metadata.csv").write_text("file_name,label\n1.png,0\n3.png,1\n")
    assert len(load_image_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]) == 2
    assert "left out of the 3 images of the train split, as no row of its metadata file names them: 1" in caplog.text


@pytest.mark.parametrize("gone", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
def test_a_saved_split_that_lacks_a_file(tmp_path, make_split, refused, gone):
    folder = save(tmp_path / "pets", train=make_split([0, 1]), test=make_split([2]))
    (folder / "test" / gone).unlink()
    assert f"{folder / 'test'} is not whole: it has no {gone}; save the data set again" in refused(folder)


def test_a_split_saved_without_rows(tmp_path, make_split, refused):
    folder = save(tmp_path / "pets", train=make_split([0, 1]), test=make_split([]))
    assert f"the data set in {folder / 'test'} is empty" in refused(folder)


def test_a_saved_file_that_is_no_json(tmp_path, make_split, refused):
    make_split([0, 1]).save_to_disk(str(tmp_path))
    (tmp_path / "state.json").write_text("{")
    assert re.search(r"state\.json is damaged \(.*\); save the data set again", refused(tmp_path))


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("end", [3, 4000])
def test_a_file_that_breaks_off_is_named(tmp_path, make_split, refused, kind, end):
    write = write_parquet if kind == "parquet" else save
    folder = write(tmp_path / "pets", train=make_split([0, 1] * 99), test=make_split([2]))
    [damaged] = [path for path in folder.rglob(f"*.{kind}") if "train" in str(path)]
    damaged.write_bytes(damaged.read_bytes()[:end])
    named = re.escape(str(damaged.relative_to(folder)))
    assert re.search(rf"{named} cannot be read \(.*\); replace it, or remove it", refused(folder))


def test_a_file_that_is_damaged_inside_is_named(tmp_path, make_split):
    folder = write_parquet(tmp_path / "pets", train=make_split([0, 1] * 99), test=make_split([2]))
    images = pq.read_metadata(folder / "train.parquet").row_group(0).column(0)
    with open(folder / "train.parquet", "r+b") as file:
        file.seek(images.dictionary_page_offset or images.data_page_offset)
        file.write(b"\xff" * 40)
    said = refusal(load_image_dataset, str(folder), cache_dir=str(tmp_path / "cache"))
    assert re.search(r"train\.parquet cannot be read \(.*\); replace it, or remove", said)


def test_a_file_with_an_empty_group_of_rows_is_named(tmp_path, make_split):
    rows = make_split([0, 1])
    write_parquet(tmp_path / "pets", train=rows, test=rows.data.table.slice(0, 0))
    with pytest.raises(InputError, match=r"test\.parquet cannot be read \(it has no rows, .*\); replace it"):
        load_image_dataset(str(tmp_path / "pets"), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["Train", "Test"],
            "Test.parquet would be read for the train split; call files by their splits in small letters",
        ),
        (["train", "Validation"], None),  # which is named as not read
        (
            ["train-test"],
            r"train-test\.parquet is read in the train split and in the test split: leave one link to each",
        ),
        (["train", "train_and_val"], r"train_and_val\.parquet is read in the train split and in the validation split"),
        (["train_1/train/0"], r"train_1/train/0\.parquet is read twice in the train split"),
    ],
)
def test_which_split_a_parquet_file_is_of(tmp_path, make_split, read, names, words):
    for number, name in enumerate(names):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        make_split([0, 1], seed=number).to_parquet(tmp_path / "pets" / f"{name}.parquet")
    if words is None:
        assert list(read(tmp_path / "pets")) == ["train"]
        return
    with pytest.raises(InputError, match=words):
        read(tmp_path / "pets")


def test_a_link_is_no_second_file(tmp_path, make_split, refused):
    folder = write_parquet(tmp_path / "pets", train=make_split([0, 1]))
    (folder / "test.parquet").symlink_to("train.parquet")
    assert re.search(
        r"test\.parquet is read .*train split and, as \S+, in the test split|train\.parquet is read", refused(folder)
    )


def repeated_column(split: datasets.Dataset) -> pa.Table:
    table = split.data.table
    return table.append_column("label", table["label"]).replace_schema_metadata(None)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (repeated_column, "train.parquet has the column 'label' more than once"),
        (
            lambda split: split.cast_column("label", datasets.ClassLabel(names=["cat", "owl", "dog"])),
            r"'label' in test.parquet differ .* train.parquet \(class 1 is 'dog', not 'owl'\); they must agree",
        ),
        (
            lambda split: split.cast_column("label", datasets.ClassLabel(names=["cat", "dog", "owl", "ox"])),
            r"\(3 classes, not 4\); they must agree",
        ),
    ],
)
def test_parquet_files_that_disagree(tmp_path, make_split, refused, damage, words):
    split = make_split([0, 1, 2])
    assert re.search(words, refused(write_parquet(tmp_path / "pets", train=damage(split), test=split)))


def test_files_with_different_columns(tmp_path, make_split):
    split = make_split([0, 1, 2])
    write_parquet(tmp_path / "pets", train=split, test=split.rename_column("label", "breed"))
    with pytest.raises(InputError, match="its files have different columns"):
        load_image_dataset(str(tmp_path / "pets"), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("README.md", "---\nconfigs: [\n---\n", "YAML of its README.md is broken"),
        ("README.md", TWO_CONFIGS, r"several configurations: name one of \['one', 'two'\] with --dataset_config_name"),
        ("train.parquet", "PAR1", r"[Pp]arquet"),
    ],
)
def test_a_file_that_is_not_right(tmp_path, make_split, refused, name, text, words):
    folder = write_parquet(tmp_path / "pets", train=make_split([0, 1]), test=make_split([0, 1]))
    (folder / name).write_text(text)
    assert re.search(words, refused(folder))


def test_folder_with_a_script(pets, refused):
    folder = pets()
    folder.mkdir()
    (folder / "pets.py").write_text("import datasets\n")
    assert "scripts are no longer supported" in refused(folder)
