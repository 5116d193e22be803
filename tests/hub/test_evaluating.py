"""Models on the Hub are measured, and their cards changed there."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from tests.hub.conftest import READER, STRANGER, WRITER
from tests.training_helpers import coloured_split

SCRIPT, REPO = "scripts/evaluate.py", "loading/evaluated"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pictures"
    datasets.DatasetDict({"train": coloured_split(9), "test": coloured_split(7)}).save_to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def evaluate(hub, client, run_dir, data):
    """Measures the model that is on the Hub as `REPO`, private."""
    push = [run_dir, "--sparsity", 0.7, "--hub_model_id", REPO]
    assert client.script("scripts/push_to_hub.py", *push, token=WRITER).code == 0
    argv = ["--disable_tqdm", "--dataset_name", data, "--cache_dir", client.home / "images"]

    def call(*options: object, repo: str = REPO, token: str | None = WRITER):
        return client.script(SCRIPT, repo, *argv, *options, token=token)

    return call


@pytest.mark.slow
def test_the_card_on_the_hub_gets_one_commit(hub, evaluate):
    before = hub.model(REPO).head
    ended = evaluate("--update_card")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("7 images, test split of ")
    after = hub.model(REPO).head
    assert ended.out.endswith(f"Written into the card: {hub.url}/{REPO}/commit/{after.oid}\n")
    assert (after.parent, after.sent) == (before.oid, {"README.md", "results.json"})
    assert {path for path in after.files if after.files[path] != before.files.get(path)} == after.sent
    old, card = (commit.files["README.md"].content.decode() for commit in (before, after))
    section = card.partition("\n## Evaluation on the test split of `./pictures`\n")[2].partition("\n## Limits\n")[0]
    figures = ("| Sparsity achieved ", "| Prunable weights kept ", "| MACs ", "| Latency ", "| Size ")
    kept = [line for line in old.partition("\n---\n")[2].splitlines() if not line.startswith(figures)]
    assert [line for line in kept if line not in card.splitlines()] == []  # pictures, recipe and name among them
    was, now = (json.loads(commit.files["results.json"].content) for commit in (before, after))
    [evaluation] = now.pop("evaluations")
    assert evaluation["command"] in section
    assert (was.pop("evaluations"), was) == ([], now)


@pytest.mark.slow
def test_without_asking_nothing_is_changed(hub, evaluate):
    before, asked = hub.model(REPO).head, len(hub.log)
    assert evaluate().code == 0
    assert hub.model(REPO).head == before
    assert {line.split()[0] for line in hub.log[asked:]} <= {"GET", "HEAD"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repo", "token", "words"),
    [
        (REPO, None, ["401", "`hf auth login`", "HF_TOKEN"]),
        (REPO, STRANGER, ["404", "check the name and the token"]),
        ("loading/nothing", WRITER, ["404", "check the name and the token"]),
        (REPO, READER, ["the card of", "403", "write access"]),
    ],
)
def test_who_may_not(hub, evaluate, repo, token, words):
    before = hub.model(REPO).head
    ended = evaluate("--update_card", repo=repo, token=token)
    assert ended.code == 2
    line = ended.err.splitlines()[-1]
    assert line.startswith("evaluate.py: error: ")
    assert all(word in line for word in words), line
    assert not token or token not in ended.out + ended.err
    assert hub.model(REPO).head == before


@pytest.mark.slow
def test_a_version_of_ones_choice(evaluate):
    assert evaluate("--model_revision", "v1").code == 0
    assert (
        "leave out --max_test_samples and --model_revision" in evaluate("--model_revision", "v1", "--update_card").err
    )
    assert "404: Invalid rev id: v9" in evaluate("--model_revision", "v9").err
