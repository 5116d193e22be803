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
