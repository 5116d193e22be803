"""The list of models that are planned to be published."""

from __future__ import annotations

import pytest

from tests.helpers import refusal
from vpns_hf import InputError
from vpns_hf.hub.cards import PlannedRelease

PLAN = """
owner: me
collection: Sparse nets
models:
  net-70: {config: digits, sparsities: 0.7, horizontal_flip: true}
  net-90: {config: digits, sparsities: 0.9}
"""


@pytest.fixture
def plan(tmp_path):
    def read(text: str) -> PlannedRelease:
        (tmp_path / "planned.yaml").write_text(text)
        return PlannedRelease.read(tmp_path)

    return read


def test_a_plan(plan):
    release = plan(PLAN)
    assert (release.owner, release.collection) == ("me", "Sparse nets")
    assert [model.name for model in release.models] == ["net-70", "net-90"]
    model = release.find("net-70")
    options = "--config digits --sparsities 0.7 --horizontal_flip true --output_dir output/net-70"
    assert (model.sparsity, model.arguments) == (0.7, options.split())
    assert model.command == f"accelerate launch scripts/prune.py {options}"


def test_it_is_released_once_its_card_is_there(plan, tmp_path):
    model = plan(PLAN).find("net-70")
    assert not model.is_released(tmp_path)
    (tmp_path / "net-70").mkdir()
    (tmp_path / "net-70" / "README.md").write_text("")
    assert model.is_released(tmp_path)


def test_a_name_that_is_almost_one(plan):
    with pytest.raises(InputError, match=r"^no planned model is called net-7; did you mean net-70$"):
        plan(PLAN).find("net-7")
    with pytest.raises(InputError, match=r"; give one of net-70, net-90$"):
        plan(PLAN).find("?")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: {net: {sparsities: 0.5}}", "is no list of planned models; give `owner: NAME`"),
        ("owner: me\nmodels: [net]", "is no list of planned models"),
        ("owner: me\nmodels: {net: {}}", "is no list of planned models"),
        ("owner: me\nmodels: {net: {sparsities: [0.5]}}", "is no list of planned models"),
        ("owner: me\nmodels: {net: {sparsities: 1.0}}", "is no list of planned models"),
        ("owner: me\nmodels: {../net: {sparsities: 0.5}}", "is no repository id"),
        ("owner: me\nmore: 1\nmodels: {}", "is no list of planned models"),
        ("[", "cannot be read"),
    ],
)
def test_another_file(plan, text, words):
    assert words in refusal(plan, text)


def test_no_file(tmp_path):
    assert PlannedRelease.there(tmp_path) is None
    with pytest.raises(
        InputError, match=r"there is no .*planned\.yaml; run it in a clone of the project, or give --cards_dir"
    ):
        PlannedRelease.read(tmp_path)
