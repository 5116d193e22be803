"""A tiny planned model made and published on the loopback Hub, step by step."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.hub.conftest import READER, WRITER
from tests.scripts.running import Ended
from tests.training_helpers import write_tiny_inputs
from vpns_hf.reporting import Results

pytestmark = pytest.mark.slow  # a server, its client and a job are processes

NAME = "tiny-50"


@pytest.fixture(scope="module")
def cards(tmp_path_factory) -> Path:
    """A folder of cards with a plan of two models, on pictures that lie beside it."""
    folder = tmp_path_factory.mktemp("release")
    write_tiny_inputs(folder)
    options = {
        **{"model_name_or_path": str(folder / "net"), "dataset_name": str(folder / "pictures"), "image_size": 16},
        **{"prompt_size": 2, "find_mask_epochs": 0, "finetune_epochs": 1, "dense_reference": False},
        **{"use_cpu": True, "disable_tqdm": True},
    }
    models = {f"tiny-{percent}": {**options, "sparsities": percent / 100} for percent in (50, 70)}
    (folder / "cards").mkdir()
    plan = yaml.safe_dump({"owner": "releasing", "collection": "Tiny nets", "models": models}, sort_keys=False)
    (folder / "cards" / "planned.yaml").write_text(plan)
    return folder / "cards"


@pytest.fixture(scope="module")
def release(client, cards):
    def call(*argv: str, token: str | None = WRITER) -> Ended:
        return client.script("scripts/release.py", *argv, "--cards_dir", cards, token=token)

    return call


def lines(ended: Ended) -> list[str]:
    """What begins each line that a plan has of a model."""
    assert (ended.code, ended.err) == (0, "")
    return [line.partition(":")[0] for line in ended.out.splitlines()[1:]]


@pytest.fixture(scope="module")
def broken(hub, client, release) -> Ended:
    """A release whose connection breaks where it publishes."""
    assert "the token can only read" in release(NAME, token=READER).err
    assert not (client.home / "output").exists()
    assert lines(release("--plan")) == ["tiny-50", "tiny-70"]
    hub.break_uploads(range(1000))
    ended = release(NAME)
    hub.break_uploads(())
    return ended


def test_a_connection_that_breaks_costs_no_training(hub, client, release, cards, broken):
    run = client.home / "output" / NAME
    assert (broken.code, broken.out.count("Written into the card")) == (2, 1)
    assert "releasing/tiny-50 could not be published: the connection to" in broken.err.splitlines()[-1]
    model = run / "sparsity-50" / "model.safetensors"
    before = model.stat().st_mtime_ns
    ended = release(NAME)
    assert ended.code == 0, ended.err
    assert "Written into the card" not in ended.out
    assert "releasing/tiny-50: published, v1" in ended.out
    assert model.stat().st_mtime_ns == before
    [collection] = [one for one in hub.collections.values() if one["title"] == "Tiny nets"]
    assert [item["id"] for item in collection["items"]] == ["releasing/tiny-50"]
    assert hub.model("releasing/tiny-50").private
    of_card = Results.load(cards / NAME / "results.json")
    assert of_card.command.startswith("vpns prune --model_name_or_path ./net --dataset_name ./pictures ")
    assert len(of_card.evaluations) == 1
    assert 'from_pretrained("releasing/tiny-50"' in (cards / NAME / "README.md").read_text()
    assert f"[`{NAME}`]({NAME}/README.md)" in (cards / "README.md").read_text()
    assert lines(release("--plan")) == ["tiny-70"]


def test_what_is_done_is_not_done_again(hub, client, release, cards, broken):
    if not (cards / NAME).exists():
        assert release(NAME).code == 0
    asked = len(hub.log)
    ended = release(NAME, token=None)
    assert (ended.code, ended.out.endswith("nothing is left to do\n"), hub.log[asked:]) == (0, True, [])
    shutil.rmtree(cards / NAME)
    ended = release(NAME)
    assert (ended.code, "releasing/tiny-50: unchanged, v1" in ended.out) == (0, True), ended.err
    assert (cards / NAME / "README.md").is_file()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "give the NAME of a planned model, or --plan"),
        (["tiny-50", "--plan"], "give the NAME of a planned model, or --plan"),
        (["tiny-60"], "no planned model is called tiny-60; did you mean tiny-"),
        (["tiny-70", "--license", "mine"], "the Hub knows no license 'mine'"),
    ],
)
def test_wrong_arguments_end_in_one_line(release, argv, words):
    assert words in release(*argv).refusal("release.py")
