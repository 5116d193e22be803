"""A model of thinner layers goes to the Hub and comes back, with the package and without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.conftest import WRITER
from tests.hub.loading_calls import fingerprint, loaded_here
from tests.training_helpers import tiny_trainer

pytestmark = pytest.mark.slow
CALLS, REPO = Path(__file__).with_name("loading_calls.py"), "loading/channels"


def test_there_and_back(client, bare, picture, tmp_path):
    tiny_trainer(tmp_path, granularity="channel", round_channels_to=1, method="omp").train()
    argv = [tmp_path / "out", "--sparsity", 0.5, "--hub_model_id", REPO]
    assert client.script("scripts/push_to_hub.py", *argv, token=WRITER).code == 0
    folder = str(tmp_path / "out" / "sparsity-50")
    assert client.call(CALLS, "fingerprint", token=WRITER, name=REPO).result == fingerprint(folder)
    loaded = bare.call(CALLS, "load", token=WRITER, repo_id=REPO, picture=picture).result
    del loaded["pipeline"]
    assert loaded == loaded_here(folder, picture)
