from __future__ import annotations

import sys

import pytest

from tests.scripts.running import Ended, script_at
from tests.training_helpers import coloured_split
from vpns_hf.data import Columns, cache_images
from vpns_hf.scripting import run_script


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    script = script_at("image_cache.py")

    def call(*argv: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["image_cache.py", "--cache_dir", str(tmp_path), *argv])
        capsys.readouterr()
        code = 0
        try:
            run_script(script.main)
        except SystemExit as exit:
            code = exit.code
        return Ended(code, *capsys.readouterr())

    return call


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
