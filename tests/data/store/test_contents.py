from __future__ import annotations

import os

import pytest
from filelock import FileLock

from vpns_hf.data import ImageStore
from vpns_hf.data.store import list_caches, remove_caches
from vpns_hf.errors import InputError


@pytest.fixture
def root(tmp_path, columns, make_split):
    """The decoded images of two splits."""
    store = ImageStore(columns, tmp_path / "cache")
    store.open(make_split([0, 1]), [4, 3], "train")
    store.open(make_split([0]), [4], "test")
    return tmp_path / "cache"


def test_the_list(root):
    by_split = {cache.split: cache for cache in list_caches(root)}
    train, test = by_split["train"], by_split["test"]
    assert (train.layouts, train.state, test.layouts, test.state) == (("3x3", "4x4"), "whole", ("4x4",), "whole")
    assert train.size == sum(path.stat().st_size for path in train.folder.rglob("*") if path.is_file())
    assert list_caches(root / "nothing here") == []


def test_what_is_not_usable_is_said(root):
    folders = {cache.split: cache.folder for cache in list_caches(root)}
    moved = folders["test"].rename(root / "images-0123456789abcdef")
    (folders["train"] / "4x4" / "images.bin").write_bytes(b"")
    record = folders["train"] / "3x3" / "record.json"
    record.write_text(record.read_text().replace('"format": 5', '"format": 3'))
    states = {cache.folder: (cache.state, cache.usable) for cache in list_caches(root)}
    version, size = "it was written by another version", "the size of its images is not what it was"
    assert states == {
        folders["train"]: (f"not usable: {version}; not usable: {size}", False),
        moved: ("not usable: it is of other images", False),
    }


def test_removing_all_leaves_nothing(root):
    for unfinished in (".writing-x1_z/4x4", ".native.partial", ".9x9.old"):
        folder = list_caches(root)[0].folder / unfinished
        folder.mkdir(parents=True)
        (folder / "images.bin").write_bytes(b"")
    assert len(remove_caches(root, ["all"])) == 2
    assert list(root.iterdir()) == []


def test_removing_one_leaves_the_other(root):
    first, second = list_caches(root)
    assert remove_caches(root, [first.folder.name]) == [first.folder]
    assert list_caches(root) == [second]


def test_what_is_not_ours_stays(root, tmp_path):
    first, second = (cache.folder for cache in list_caches(root))
    theirs = [
        tmp_path / "precious" / "images.bin",
        first / "notes.txt",
        second / "4x4" / "images.csv",
        root / "images-mine" / "a.npy",
    ]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    os.symlink(tmp_path / "precious", first / ".4x4.partial")
    os.symlink(tmp_path / "precious", root / "images-0123456789abcdef")
    (first / "9x9").mkdir()
    os.symlink(theirs[0], first / "9x9" / "images.bin")
    remove_caches(root, ["all"])
    assert (first / "9x9" / "images.bin").is_symlink()
    assert [path.read_text() for path in theirs] == ["mine"] * 4
    assert {path for path in root.rglob("*") if path.is_file()} == {*theirs[1:], first / "9x9" / "images.bin"}


@pytest.mark.parametrize("name", ["images-mine", "..", "", "images-0123456789abcdef"])
def test_only_what_is_listed_is_removed(root, name):
    before = list_caches(root)
    with pytest.raises(InputError, match="no folder of decoded images"):
        remove_caches(root, [before[0].folder.name, name])
    assert list_caches(root) == before


def test_what_a_process_is_writing_stays(root):
    first = list_caches(root)[0]
    with FileLock(first.folder / "lock"), pytest.raises(InputError, match="a process is writing"):
        remove_caches(root, ["all"])
    assert list_caches(root)[0] == first
