"""The command lines of `push` and `cards`; what they do on the Hub is tried in tests/hub."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.helpers import tiny_model
from tests.hub.runs import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run of two models."""
    folder = tmp_path_factory.mktemp("run") / "output"
    return write_run(folder, tiny_model(), {0.4: 0.9, 0.7: 0.8}, model="net", dataset="data")


@pytest.fixture
def cards(vpns, tmp_path):
    return partial(vpns, "cards", "--cards_dir", tmp_path / "cards")


def test_push_shows_what_it_would_publish(vpns, run):
    ended = vpns("push", run, "--hub_model_id", "me/net-{sparsity}", "--dry_run")
    assert (ended.code, ended.err) == (0, "")
    assert all(name in ended.out for name in ("me/net-40", "me/net-70", "model.safetensors", "README.md"))
    one = vpns("push", run, "--hub_model_id", "me/net", "--sparsity", 0.7, "--dry_run")
    assert "me/net" in one.out
    assert len(one.out) < len(ended.out)


def test_push_needs_an_id_for_each_model(vpns, run):
    assert "required: --hub_model_id" in vpns("push", run).refusal("vpns push")
    assert "{sparsity}" in vpns("push", run, "--hub_model_id", "me/net", "--dry_run").refusal("vpns push")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("apache2", "apache-2.0"), ("MIT", "mit"), ("CC-BY-4.0", "cc-by-4.0"), ("mine", None)],
)
def test_a_license_the_hub_does_not_know_is_refused(vpns, cards, run, given, meant):
    words = f"no license {given!r}; " + (f"did you mean {meant}, or other" if meant else "give one of https://")
    pushed = vpns("push", run, "--hub_model_id", "me/net-{sparsity}", "--license", given, "--dry_run")
    assert words in pushed.refusal("vpns push")
    added = cards("--add", run / "sparsity-70", "--name", "net-70", "--license", given)
    assert words in added.refusal("vpns cards")


def test_the_index_of_an_empty_folder(cards, tmp_path):
    ended = cards()
    assert (ended.code, ended.out) == (0, f"Written: {tmp_path / 'cards' / 'README.md'}\n")
    assert (tmp_path / "cards" / "template.md").is_file()


def test_a_card_is_added_under_its_name(cards, run, tmp_path):
    ended = cards("--add", run / "sparsity-70", "--name", "mine")
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"Added {tmp_path / 'cards' / 'mine'}\n")
    assert "[`mine`](mine/README.md)" in (tmp_path / "cards" / "README.md").read_text(encoding="utf-8")


def test_one_model_and_its_name_must_be_given(cards, run, tmp_path):
    for options in (["--add", run, "--name", "mine"], ["--add", run / "sparsity-70"]):
        assert "give one model folder, such as " in cards(*options).refusal("vpns cards")
    assert not (tmp_path / "cards").exists()
