from __future__ import annotations

from functools import partial

import pytest

from tests.data.stand_ins import stand_in_for_hub, write_stand_in
from tests.training_helpers import coloured_split
from vpns_hf.data import Columns, cache_images
from vpns_hf.data.sources import hub_check


@pytest.fixture
def cache(vpns, tmp_path):
    return partial(vpns, "cache", "--cache_dir", tmp_path)


def test_listing_and_removing(cache, tmp_path):
    cache_images(coloured_split(4), Columns("image", "label"), 16, cache_dir=tmp_path, disable_progress=True)
    [folder] = tmp_path.iterdir()
    *_, row = cache().out.splitlines()
    assert [cell.strip() for cell in row.strip("|").split("|")][:3] == [folder.name, "train", "16x16"]
    removed = cache("--remove", "all")
    assert removed.out.startswith(f"Removed {folder}\n")
    assert f"{tmp_path} holds 0.00 MB" in removed.out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_to_remove_is_refused_with_code_2(cache):
    assert "images-of-mine" in cache("--remove", "images-of-mine").refusal("vpns cache")


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_that_was_named_must_be_there(vpns, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    assert str(tmp_path / name) in vpns("cache", "--cache_dir", tmp_path / name).refusal("vpns cache")


def test_the_default_folder_need_not_be_there_yet(vpns, tmp_path, monkeypatch):
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "later"))
    ended = vpns("cache", "--check")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'later'} holds 0.00 MB of decoded images.\n")


def test_damage_is_a_code_where_it_is_asked_for(cache, tmp_path):
    cache_images(coloured_split(4), Columns("image", "label"), 16, cache_dir=tmp_path, disable_progress=True)
    assert (cache().code, cache("--check").code) == (0, 0)
    next(tmp_path.rglob("images.bin")).write_bytes(b"damaged")
    ended = cache("--check")
    assert (cache().code, ended.code) == (0, 1)
    assert "not usable" in ended.out


@pytest.fixture
def check(vpns):
    return partial(vpns, "check-datasets")


def test_checking_prints_a_table_and_code_0_if_all_are_well(check, monkeypatch, tmp_path):
    folder = write_stand_in(tmp_path / "dtd", "mcimpoi/dtd_split_1")
    stand_in_for_hub(monkeypatch, {"mcimpoi/dtd_split_1": folder}, tmp_path / "cache")
    monkeypatch.setattr(hub_check, "is_online", lambda repo_id, repo_type: True)
    ended = check("dtd")
    assert (ended.code, ended.err) == (0, "")
    _, _, row = ended.out.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    splits = "train, validation, test"
    assert cells == ["dtd", "mcimpoi/dtd_split_1", "image, label", splits, "47", "8x3x224x224", "ok"]


def test_without_network_every_data_set_is_listed_and_the_code_is_1(check):
    ended = check("cifar10", "imagenet-1k")
    assert ended.code == 1
    assert ended.out.count("the Hub does not answer") == 2


def test_an_unknown_data_set_is_refused_with_code_2(check):
    assert "cifar" in check("cifar").refusal("vpns check-datasets")
