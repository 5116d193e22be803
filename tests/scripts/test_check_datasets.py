from __future__ import annotations

import pytest

from tests.data.stand_ins import stand_in_for_hub, write_stand_in
from vpns_hf.data.sources import hub_check as checking


@pytest.fixture
def check(calling):
    return calling("check_datasets.py")


def test_a_table_and_code_0_if_all_are_well(check, monkeypatch, tmp_path):
    folder = write_stand_in(tmp_path / "dtd", "mcimpoi/dtd_split_1")
    stand_in_for_hub(monkeypatch, {"mcimpoi/dtd_split_1": folder}, tmp_path / "cache")
    monkeypatch.setattr(checking, "is_online", lambda repo_id, repo_type: True)
    ended = check("dtd")
    assert (ended.code, ended.err) == (0, "")
    _, _, row = ended.out.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "dtd",
        "mcimpoi/dtd_split_1",
        "image, label",
        "train, validation, test",
        "47",
        "8x3x224x224",
        "ok",
    ]


def test_without_network_every_data_set_is_listed_and_the_code_is_1(check):
    ended = check("cifar10", "imagenet-1k")
    assert ended.code == 1
    assert ended.out.count("the Hub does not answer") == 2


def test_an_unknown_name_is_refused_with_code_2(check):
    ended = check("cifar")
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
