"""Downloads from a Hub on the loopback interface, in fresh processes: the clients read its address when they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file
from transformers import ViTImageProcessorPil

import vpns_hf
from tests.backbones.foreign import PRETRAINED
from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TimmVgg, filled
from tests.backbones.loopback_hub import serving
from tests.helpers import tiny_resnet
from vpns_hf.backbones import BACKBONES, Published, load_backbone
from vpns_hf.export import export_model

ROOT = Path(vpns_hf.__file__).parents[1]
# Small networks under the names that the published weights have.
NETWORKS = {
    "resnet18": ("timm/resnet18.tv_in1k", lambda: filled(ResNet, BasicBlock, [2, 2, 2, 2], classes=5, width=4)),
    "resnet50": ("timm/resnet50.tv2_in1k", lambda: filled(ResNet, Bottleneck, [3, 4, 6, 3], classes=5, width=4)),
    "vgg16": ("timm/vgg16.tv_in1k", lambda: filled(TimmVgg, 16, False, classes=5, shrink=16, width=16)),
}
LOAD = """
import json, sys
from vpns_hf import load_backbone
for name in sys.argv[1:]:
    backbone = load_backbone(name)
    total = sum(value.double().sum().item() for value in backbone.model.state_dict().values())
    print(json.dumps([backbone.normalisation, backbone.model.config.num_labels, total]))
"""


def load_in_a_fresh_process(endpoint: str, home: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", LOAD, *names]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def total(name: Path) -> float:
    return sum(value.double().sum().item() for value in load_backbone(name).model.state_dict().values())


def repositories(folder: Path) -> dict[str, Path]:
    """Writes the networks as timm has them on the Hub, and converted to the layout of transformers."""
    folders = {}
    for name, (repo_id, network) in NETWORKS.items():
        folders[repo_id], folders[f"org/{name}"] = folder / name, folder / f"{name}-transformers"
        folders[repo_id].mkdir(parents=True)
        save_file(network().state_dict(), folders[repo_id] / "model.safetensors", metadata={"format": "pt"})
        fields = {"architecture": name, "num_classes": 5, "pretrained_cfg": PRETRAINED}
        (folders[repo_id] / "config.json").write_text(json.dumps(fields))
        export_model(folders[repo_id], "transformers", folders[f"org/{name}"])
    return folders


@pytest.mark.slow
def test_the_three_networks_by_short_name_and_by_id_in_both_layouts(tmp_path):
    folders = repositories(tmp_path)
    names = [name for network in NETWORKS for name in (network, NETWORKS[network][0], f"org/{network}")]
    with serving(folders) as (endpoint, asked):
        ended = load_in_a_fresh_process(endpoint, tmp_path / "home", *names)
    assert ended.returncode == 0, ended.stderr
    normalisation = {"image_mean": PRETRAINED["mean"], "image_std": PRETRAINED["std"]}
    expected = [[normalisation, 5, total(folders[NETWORKS[network][0]])] for network in NETWORKS for _ in range(3)]
    assert [json.loads(line) for line in ended.stdout.splitlines()] == expected
    downloads = [line for line in asked if line.startswith("GET /timm/") and "/resolve/" in line]
    assert sorted(line.rpartition("/")[2] for line in downloads) == ["config.json"] * 3 + ["model.safetensors"] * 3
    again = load_in_a_fresh_process(endpoint, tmp_path / "home", "resnet18")  # the Hub is gone by now
    assert json.loads(again.stdout) == expected[0]
    assert "does not answer" in again.stderr


@pytest.mark.slow
def test_the_processor_of_a_backbone_on_the_hub_is_downloaded(tmp_path):
    """Loading the weights does not bring it along."""
    tiny_resnet().save_pretrained(tmp_path / "repository")
    ViTImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(tmp_path / "repository")
    with serving({"org/tiny": tmp_path / "repository"}) as (endpoint, _):
        ended = load_in_a_fresh_process(endpoint, tmp_path / "home", "org/tiny", "org/none")
    normalisation, *rest = json.loads(ended.stdout)
    assert normalisation == {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    assert rest == [5, total(tmp_path / "repository")]
    assert "org/none could not be loaded from the Hub" in ended.stderr.splitlines()[-1]


def test_short_names_stand_for_repositories_of_timm():
    published = {name: source.hub_id for name, source in BACKBONES.items() if isinstance(source, Published)}
    assert published["resnet18"] == "timm/resnet18.tv_in1k"
    assert published["resnet50"] == "timm/resnet50.tv2_in1k"
    assert published["vgg16"] == "timm/vgg16.tv_in1k"
    networks = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    networks += [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]
    assert sorted(published) == sorted(networks)
    assert all(hub_id.startswith(f"timm/{name}.tv") for name, hub_id in published.items())
