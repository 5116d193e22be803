"""A ResNet-18 of full size goes to the Hub and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification

from tests.hub.client import Client
from tests.hub.conftest import WRITER
from tests.hub.loading_calls import fingerprint
from tests.hub.runs import write_run
from vpns_hf import VPNsForImageClassification

REPO = "loading/resnet18-cifar100-70"


@pytest.fixture(scope="module")
def big_run(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    config = ResNetConfig(hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", num_labels=1000)
    classes = {index: f"class {index}" for index in range(100)}
    base = VPNsForImageClassification.from_backbone(ResNetForImageClassification(config), id2label=classes)
    return write_run(tmp_path_factory.mktemp("big") / "output", base, {0.7: 0.8}, model="resnet18", dataset="cifar100")


@pytest.mark.slow
def test_the_round_trip(hub, client, big_run, tmp_path):
    argv = [big_run, "--hub_model_id", "loading/{arch}-{dataset}-{sparsity}"]
    assert client.script("scripts/push_to_hub.py", *argv, token=WRITER).code == 0
    local = fingerprint(str(big_run / "sparsity-70"))
    with Client(hub.url, tmp_path / "home") as other:
        loaded = other.call(
            Path(__file__).with_name("loading_calls.py"), "fingerprint", token=WRITER, name=REPO
        ).result
    assert (loaded["checksum"], loaded["sparsity"]) == (local["checksum"], local["sparsity"])
    assert loaded["sparsity"] == pytest.approx(0.7, abs=1e-3)


@pytest.mark.slow
def test_the_size_is_that_of_the_kept_weights_and_their_bits(big_run):
    model = VPNsForImageClassification.from_pretrained(big_run / "sparsity-70")
    masks = model.masks()
    masked = {f"backbone.{name}.weight" for name in masks} | {f"backbone.{name}.weight_mask" for name in masks}
    other = sum(value.nbytes for name, value in model.state_dict().items() if name not in masked)
    kept = sum(int(mask.sum()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    assert total == 11_678_912
    size = (big_run / "sparsity-70" / "model.safetensors").stat().st_size
    assert size <= 1.03 * (4 * kept + total / 8 + other)
