"""Dense networks on a Hub on the loopback interface, asked for by a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from transformers import ViTImageProcessorPil

from tests.backbones.foreign import PRETRAINED
from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TimmVgg, filled
from tests.helpers import tiny_resnet
from tests.hub.client import Client
from tests.hub.server import HubServer
from vpns_hf.backbones import BACKBONES, Published, load_backbone
from vpns_hf.export import export_model

CALLS = Path(__file__).parents[1] / "hub" / "loading_calls.py"
# Small networks under the names that the published weights have.
NETWORKS = {
    "resnet18": ("timm/resnet18.tv_in1k", lambda: filled(ResNet, BasicBlock, [2, 2, 2, 2], classes=5, width=4)),
    "resnet50": ("timm/resnet50.tv2_in1k", lambda: filled(ResNet, Bottleneck, [3, 4, 6, 3], classes=5, width=4)),
    "vgg16": ("timm/vgg16.tv_in1k", lambda: filled(TimmVgg, 16, False, classes=5, shrink=16, width=16)),
}
NORMALISATION = {"image_mean": PRETRAINED["mean"], "image_std": PRETRAINED["std"]}


def total(folder: Path) -> float:
    return sum(value.double().sum().item() for value in load_backbone(folder).model.state_dict().values())


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """The networks as timm has them on the Hub, and in the layout of transformers; and one with an image processor."""
    folders = {"org/tiny": tmp_path / "tiny"}
    tiny_resnet().save_pretrained(folders["org/tiny"])
    ViTImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(folders["org/tiny"])
    for name, (repo_id, network) in NETWORKS.items():
        folders[repo_id], folders[f"org/{name}"] = tmp_path / name, tmp_path / f"{name}-transformers"
        folders[repo_id].mkdir()
        save_file(network().state_dict(), folders[repo_id] / "model.safetensors", metadata={"format": "pt"})
        fields = {"architecture": name, "num_classes": 5, "pretrained_cfg": PRETRAINED}
        (folders[repo_id] / "config.json").write_text(json.dumps(fields))
        export_model(folders[repo_id], "transformers", folders[f"org/{name}"])
    return folders


@pytest.mark.slow
def test_networks_by_short_name_and_by_id_in_both_layouts(folders, tmp_path):
    names = [name for network in NETWORKS for name in (network, NETWORKS[network][0], f"org/{network}")]
    expected = [[NORMALISATION, 5, total(folders[NETWORKS[name][0]])] for name in NETWORKS for _ in range(3)]
    with HubServer({}) as hub:
        for repo_id, folder in folders.items():
            hub.add_folder(repo_id, folder)
        client = Client(hub.url, tmp_path / "home")
        assert client.call(CALLS, "load_dense", names=names).result == expected
        downloads = [line for line in hub.log if line.startswith("GET /timm/") and "/resolve/" in line]
        [with_processor, none] = client.call(CALLS, "load_dense", names=["org/tiny", "org/none"]).result
    with client:
        again = client.call(CALLS, "load_dense", names=["resnet18"])  # the Hub is gone by now
    assert sorted(line.rpartition("/")[2] for line in downloads) == ["config.json"] * 3 + ["model.safetensors"] * 3
    assert with_processor == [{"image_mean": [0.5] * 3, "image_std": [0.25] * 3}, 5, total(folders["org/tiny"])]
    assert "org/none could not be loaded from the Hub" in none
    assert again.result == expected[:1]
    assert "does not answer" in again.err


def test_short_names_stand_for_repositories_of_timm():
    published = {name: source.hub_id for name, source in BACKBONES.items() if isinstance(source, Published)}
    assert published["resnet18"] == "timm/resnet18.tv_in1k"
    assert published["resnet50"] == "timm/resnet50.tv2_in1k"
    assert published["vgg16"] == "timm/vgg16.tv_in1k"
    networks = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    networks += [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]
    assert sorted(published) == sorted(networks)
    assert all(hub_id.startswith(f"timm/{name}.tv") for name, hub_id in published.items())
