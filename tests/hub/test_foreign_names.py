"""A repository whose files bear names that lead out of its folder is refused, and writes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.client import Client
from tests.hub.conftest import OWNERS, WRITER
from tests.hub.repository import Commit, File, Repository

NAMES = ["../evil.json", "../../../../../evil.json", "{home}/evil.json", "plots/../../evil.json"]


@pytest.fixture(scope="module")
def user(hub, tmp_path_factory) -> Iterator[Client]:
    """Somebody with an empty home, all of which can be looked through, and what is around it."""
    with Client(hub.url, tmp_path_factory.mktemp("around") / "home") as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_in_one_line(hub, user, monkeypatch, name):
    name = name.format(home=user.home)
    config = File(json.dumps({"model_type": "vpns"}).encode(), is_lfs=False)
    files = {"config.json": config, name: File(b'{"evil": true}', is_lfs=False)}
    repo_id = f"{OWNERS[0]}/names-{NAMES.index(name) if name in NAMES else 'home'}"
    repository = Repository(repo_id, "models", private=False)
    repository.commits.append(Commit("made by hand", files, frozenset(files)))
    monkeypatch.setitem(hub.repositories, ("models", repo_id), repository)
    ended = user.script("scripts/evaluate.py", repo_id, "--dataset_name", "digits", token=WRITER)
    line = ended.refusal("evaluate.py")
    assert line.startswith(f"{repo_id} is no folder here and could not be loaded from the Hub")
    assert "Invalid filename" in line  # and not merely absent
    assert WRITER not in line
    assert [path for path in files_below(user.home.parent) if path.name == "evil.json"] == []


def files_below(folder: Path) -> list[Path]:
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
