"""A model of thinner layers goes to the Hub and comes back, with the package and without it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor

from tests.hub.client import Client
from tests.hub.conftest import WRITER
from tests.hub.loading_calls import fingerprint
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification

pytestmark = pytest.mark.slow
CALLS, REPO = Path(__file__).with_name("loading_calls.py"), "loading/channels"


def test_there_and_back(hub, client, tmp_path):
    tiny_trainer(tmp_path, granularity="channel", round_channels_to=1, method="omp").train()
    argv = [tmp_path / "out", "--sparsity", 0.5, "--hub_model_id", REPO]
    assert client.script("scripts/push_to_hub.py", *argv, token=WRITER).code == 0
    folder = tmp_path / "out" / "sparsity-50"
    assert client.call(CALLS, "fingerprint", token=WRITER, name=REPO).result == fingerprint(str(folder))

    picture = tmp_path / "picture.png"
    Image.effect_mandelbrot((20, 20), (-2, -2, 2, 2), 30).convert("RGB").save(picture)
    model = VPNsForImageClassification.from_pretrained(folder)
    pixels = AutoImageProcessor.from_pretrained(folder)(Image.open(picture), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = {
            view: model(pixels, prompted=view == "prompted").logits[0].tolist() for view in ("prompted", "plain")
        }
    with Client(hub.url, tmp_path / "bare", forbidden="vpns_hf") as bare:
        loaded = bare.call(CALLS, "load", token=WRITER, repo_id=REPO, picture=str(picture)).result
    assert loaded["logits"] == expected
    assert loaded["sparsity"] == [model.sparsity] * 2
    assert loaded["module"] == "transformers_modules"
