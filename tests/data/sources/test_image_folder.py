"""Which images of a folder are in which split and of which class."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import refusal
from vpns_hf.data import load_image_dataset, stream_image_dataset
from vpns_hf.errors import InputError

CLASSES = ("steam train", "car", "ship")


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of pictures; each is of a colour of its own."""

    def write(*paths: str) -> Path:
        for number, path in enumerate(paths):
            (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (2, 2), (number % 256, number // 256, 0)).save(tmp_path / "data" / path)
        return tmp_path / "data"

    return write


@pytest.fixture(params=["loaded", "streamed"])
def read(request, tmp_path):
    """The (path, class) of every row, by split, as seen from the folder."""

    def build(folder: Path) -> dict[str, list[tuple[str, str]]]:
        if request.param == "streamed":
            splits = stream_image_dataset(str(folder))
        else:
            splits = load_image_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        found = {}
        for name, split in splits.items():
            label = split.features["label"]
            rows = list(split.cast_column("image", split.features["image"].__class__(decode=False)))
            found[name] = [
                (str(Path(row["image"]["path"]).relative_to(folder)), label.int2str(row["label"])) for row in rows
            ]
        return found

    return build


def images(*folders: str, count: int = 2) -> list[str]:
    return [f"{folder}/{number}.png" for folder in folders for number in range(count)]


def in_classes(split: str, classes: tuple[str, ...], count: int) -> list[str]:
    return images(*(f"{split}/{name}" for name in classes), count=count)


@pytest.mark.parametrize(
    "classes",
    [
        CLASSES,
        ("train", "car", "ship"),
        ("bullet_train", "train-2", "test pilot"),
        ("dev", "test", "eval"),
        ("training", "validation", "val 3"),
    ],
)
def test_no_class_is_a_split(folder, read, classes):
    root = folder(*in_classes("train", classes, 8), *in_classes("test", classes, 4))
    splits = read(root)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 24, "test": 12}
    for split, rows in splits.items():
        assert all(path.split("/")[:2] == [split, name] for path, name in rows)
        assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    "classes", [CLASSES, ("train", "car", "ship"), ("bullet train", "steam_train"), ("test 1", "b")]
)
def test_classes_alone_are_the_train_split(folder, read, classes):
    assert {name: len(rows) for name, rows in read(folder(*images(*classes))).items()} == {"train": 2 * len(classes)}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "TEST"),
        ("training", "evaluation"),
        ("train_images", "test_images"),
        ("data/train", "data/test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train2017", "Test-2017"),
        ("train/images", "test/images"),
        ("train/images", "test"),
        ("asl_train/asl_train", "asl_test/other"),
    ],
)
def test_how_splits_may_be_called(folder, read, train, test):
    splits = read(folder(*images(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog")))
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 4, "test": 4}
    assert {name for rows in splits.values() for _, name in rows} == {"cat", "dog"}


def test_validation_by_any_name(folder, read):
    for number, name in enumerate(("val", "Valid", "dev", "validation")):
        root = folder(*(f"{number}/{path}" for path in images("train/a", "train/b", f"{name}/a", "test/b")))
        assert list(read(root / str(number))) == ["train", "validation", "test"]


@pytest.mark.parametrize("name", ["__background__", "_background_", "@home", "back[gr]ound", "a*b"])
def test_a_class_of_any_name_is_read(folder, read, name):
    splits = read(folder(*images("train/cat", f"train/{name}", "test/cat", f"test/{name}")))
    assert [len({name for _, name in rows}) for rows in splits.values()] == [2, 2]


def test_what_lies_below_a_class_is_of_that_class(folder, read, caplog):
    splits = read(folder(*images("train/cat", "train/cat/indoors/night", "train/dog/train", "test/cat", "test/dog/x")))
    assert [name for _, name in splits["train"]] == ["cat"] * 4 + ["dog"] * 2
    assert [name for _, name in splits["test"]] == ["cat"] * 2 + ["dog"] * 2
    [said] = [record.message for record in caplog.records]
    assert said.startswith("6 images further below in class folders of ")
    assert said.endswith("of the class of that folder, as train/cat/indoors/night/0.png of 'cat'")


def test_links_to_splits_and_classes_are_followed(folder, read, tmp_path):
    root = folder(*images("train/cat", "train/dog", "test/cat"))
    (root / "test").rename(tmp_path / "elsewhere")
    (root / "train" / "dog").rename(tmp_path / "dogs")
    (root / "test").symlink_to(tmp_path / "elsewhere")
    (root / "train" / "dog").symlink_to(tmp_path / "dogs")
    splits = read(root)
    assert {name: [label for _, label in rows] for name, rows in splits.items()} == {
        "train": ["cat", "cat", "dog", "dog"],
        "test": ["cat", "cat"],
    }


def test_links_to_images_of_the_same_class_are_left_out(folder, read, caplog):
    root = folder(*images("train/cat", "train/dog"))
    (root / "train" / "cat" / "a.png").symlink_to("1.png")
    (root / "train" / "dog" / "a.png").symlink_to("1.png")
    assert len(read(root)["train"]) == 4
    assert (
        f"1 link to other images of the same class not read, such as {root / 'train' / 'cat' / 'a.png'}" in caplog.text
    )


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (
            images("trian/cat", "trian/dog", "test/cat", "test/dog"),
            r"beside test/ lies trian/ \(did you mean 'trian' to be train",
        ),
        (
            images("train/cat", "train/dog", "ship/big", "ship/small"),
            "beside train/ lies ship/, so that splits cannot be",
        ),
        (images("train1/a", "train2/b", "test1/a", "test2/b"), r"\(train1/, train2/; test1/, test2/\) may be folds"),
        (
            images("bullet train/a", "steam train/b"),
            "bullet train/, steam train/ may be parts of one split or classes",
        ),
        (
            images("cat/train", "cat/test", "dog/train", "dog/test"),
            "the folder cat/test/, cat/train/ of a split lies below",
        ),
        (
            images("train/cat/test", "train/dog", "test/dog"),
            "the folder train/cat/test/ of a split lies below a class",
        ),
        (images("a/train/cat", "a/test/cat", "b/train/cat", "b/test/cat"), "a/test/, a/train/ of a split lies below"),
    ],
)
def test_what_is_in_doubt_is_refused(folder, read, paths, words):
    assert re.search(words, refusal(read, folder(*paths)))


def test_several_folders_of_one_split_are_read_together(folder, read, caplog):
    splits = read(folder(*images("train/a", "training/b", "test/a", "test/b")))
    assert [len(rows) for rows in splits.values()] == [4, 4]
    assert "read together as the train split: train/, training/" in caplog.text


def test_images_to_test_on_in_no_class_are_refused_however_deep(folder, read):
    root = folder(*images("asl_train/asl_train/a", "asl_train/asl_train/b", "asl_test/asl_test"))
    with pytest.raises(
        InputError, match=r"no class folders, only images such as asl_test/asl_test/0.png \(if they have no"
    ):
        read(root)


def test_the_one_class_of_a_test_split_is_a_class(folder, read):
    splits = read(folder(*images("train/train/a", "train/train/b", "test/b/x")))
    assert [name for _, name in splits["test"]] == ["b", "b"]


def test_a_folder_beside_the_splits_is_named(folder, read, caplog):
    read(folder(*images("train/a", "train/b", "test/a", "test/b", "vaild/a", "other/b")))
    assert "not read, as the name is of no split: other/, vaild/ (did you mean 'vaild' to be valid?)" in caplog.text


def test_a_table_that_is_not_read_is_named(folder, read):
    root = folder("train/1.png", "test/1.png")
    (root / "labels.csv").write_text("file,label\n")
    with pytest.raises(InputError, match=r"labels.csv is not read: a table of classes is read as metadata.csv"):
        read(root)


def test_tables_are_of_the_split_they_lie_in(folder):
    root = folder("Train/train/1.png", "Train/2.png", "test-set/train_1.png")
    (root / "Train" / "metadata.csv").write_text("file_name,label\ntrain/1.png,cat\n2.png,dog\n")
    (root / "test-set" / "metadata.csv").write_text("file_name,label\ntrain_1.png,dog\n")
    for splits in (load_image_dataset(str(root)), stream_image_dataset(str(root))):
        assert {name: [row["label"] for row in split] for name, split in splits.items()} == {
            "train": ["cat", "dog"],
            "test": ["dog"],
        }
