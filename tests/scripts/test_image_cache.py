from __future__ import annotations

import pytest

from tests.training_helpers import coloured_split
from vpns_hf.data import Columns, cache_images


@pytest.fixture
def command(calling, tmp_path):
    return calling("image_cache.py", "--cache_dir", tmp_path)


def test_listing_and_removing(command, tmp_path):
    cache_images(coloured_split(4), Columns("image", "label"), 16, cache_dir=tmp_path, disable_progress=True)
    [folder] = tmp_path.iterdir()
    *_, row = command().out.splitlines()
    assert [cell.strip() for cell in row.strip("|").split("|")][:3] == [folder.name, "train", "16x16"]
    removed = command("--remove", "all")
    assert removed.out.startswith(f"Removed {folder}\n")
    assert f"{tmp_path} holds 0.00 MB" in removed.out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused_with_code_2(command):
    ended = command("--remove", "images-of-mine")
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_that_was_named_must_be_there(calling, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    ended = calling("image_cache.py", "--cache_dir", tmp_path / name)()
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert str(tmp_path / name) in ended.err


def test_the_default_folder_need_not_be_there_yet(calling, tmp_path, monkeypatch):
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "later"))
    ended = calling("image_cache.py")("--check")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'later'} holds 0.00 MB of decoded images.\n")


def test_damage_is_a_code_where_it_is_asked_for(command, tmp_path):
    cache_images(coloured_split(4), Columns("image", "label"), 16, cache_dir=tmp_path, disable_progress=True)
    assert (command().code, command("--check").code) == (0, 0)
    next(tmp_path.rglob("images.bin")).write_bytes(b"damaged")
    ended = command("--check")
    assert (command().code, ended.code) == (0, 1)
    assert "not usable" in ended.out
