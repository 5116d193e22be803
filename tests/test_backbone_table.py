"""Every tick of the table "What can be pruned" in docs/backbones.md, cell by cell, with a small network of each row.

The paper's three have all the layers of the published network, fewer channels, and the files of the timm repository their
short name stands for; the others are tiny.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoModelForImageClassification, PreTrainedModel

from tests.backbones.foreign import PRETRAINED
from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TimmVgg, filled
from tests.documents import Page
from tests.families import FAMILIES
from tests.helpers import pictures, randomised
from tests.training_helpers import coloured_split, tiny_arguments
from vpns_hf import VPNsForImageClassification, VPNsTrainer
from vpns_hf.backbones import load_backbone
from vpns_hf.pruning import num_dropped

SPARSITY = 0.6
PAGE = Page("docs/backbones.md")


class Source(ABC):
    """A dense network that is written to a folder."""

    @abstractmethod
    def write(self, folder: Path) -> None: ...

    @abstractmethod
    def check(self, loaded: PreTrainedModel) -> None:
        """Fails unless it is the same network."""


@dataclass(frozen=True)
class Stock(Source):
    """A family of transformers."""

    family: str

    @property
    def model(self) -> PreTrainedModel:
        return randomised(AutoModelForImageClassification.from_config, FAMILIES[self.family])

    def write(self, folder: Path) -> None:
        self.model.save_pretrained(folder)

    def check(self, loaded: PreTrainedModel) -> None:
        assert type(loaded) is type(self.model)
        for key, value in self.model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key


@dataclass(frozen=True)
class Timm(Source):
    """A network of timm's, by the name it has there, and written out in the tests."""

    architecture: str
    network: Callable[[], nn.Module]

    def write(self, folder: Path) -> None:
        folder.mkdir()
        save_file(self.network().state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
        fields = {"architecture": self.architecture, "num_classes": 5, "pretrained_cfg": PRETRAINED}
        (folder / "config.json").write_text(json.dumps(fields))

    @torch.no_grad()
    def check(self, loaded: PreTrainedModel) -> None:
        network = self.network()
        assert loaded.num_parameters() == sum(parameter.numel() for parameter in network.parameters())
        assert network(pictures(size=64)).std() > 0.01
        assert torch.allclose(loaded(pictures(size=64)).logits, network(pictures(size=64)), rtol=0, atol=1e-5)


ROWS: dict[str, Source] = {
    "ResNet-18": Timm("resnet18", lambda: filled(ResNet, BasicBlock, [2, 2, 2, 2], classes=5, width=4)),
    "ResNet-50": Timm("resnet50", lambda: filled(ResNet, Bottleneck, [3, 4, 6, 3], classes=5, width=4)),
    "VGG-16": Timm("vgg16", lambda: filled(TimmVgg, 16, False, classes=5, shrink=16, width=16)),
    "VGG-16 with batch norm": Timm("vgg16_bn", lambda: filled(TimmVgg, 16, True, classes=5, shrink=16, width=16)),
    "ConvNeXt": Stock("convnext"),
    "ConvNeXt V2": Stock("convnextv2"),
    "RegNet": Stock("regnet"),
    "MobileNetV2": Stock("mobilenetv2"),
    "EfficientNet": Stock("efficientnet"),
    "ViT": Stock("vit"),
    "DeiT": Stock("deit"),
    "DINOv2": Stock("dinov2"),
    "Swin": Stock("swin"),
}


class Job:
    """The main job on a backbone that is loaded from a folder."""

    def __init__(self, row: str, folder: Path) -> None:
        self.row, self.source = ROWS[row], folder / "backbone"
        self.row.write(self.source)
        self.trainer = VPNsTrainer(
            model=str(self.source),
            args=tiny_arguments(folder, sparsities=[SPARSITY], image_size=32, prompt_size=3),
            train_dataset=coloured_split(24, seed=1),
            eval_dataset=coloured_split(9, seed=2),
            test_dataset=coloured_split(9, seed=3),
        )
        self.results = self.trainer.train()
        self.folder = self.trainer.models.folder(SPARSITY)
        self.pixels = pictures(size=32)


def loads(job: Job) -> None:
    job.row.check(load_backbone(job.source, num_labels=3).model)


def prunes(job: Job) -> None:
    masks = job.trainer.models[SPARSITY].masks().values()
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == total - num_dropped(total, SPARSITY)
    assert job.results["runs"][0]["sparsity"] == num_dropped(total, SPARSITY) / total


def tensor_bytes(file: Path) -> int:
    """What a file of safetensors holds after its header, whose length is in the first eight bytes."""
    content = file.read_bytes()
    return len(content) - 8 - int.from_bytes(content[:8], "little")


def saves(job: Job) -> None:
    """Pruned weights are not in the file."""
    sparse = tensor_bytes(job.folder / "model.safetensors")
    job.trainer.models[SPARSITY].save_pretrained(job.folder.parent / "plain", sparse=False)
    dense = tensor_bytes(job.folder.parent / "plain" / "model.safetensors")
    saved = 4 * num_dropped(sum(mask.numel() for mask in job.trainer.models[SPARSITY].masks().values()), SPARSITY)
    assert sparse < dense - 0.9 * saved


def reloads(job: Job) -> None:
    model = VPNsForImageClassification.from_pretrained(job.folder)
    again = VPNsForImageClassification.from_pretrained(job.folder.parent / "plain")
    for prompted in (True, False):
        assert torch.equal(model(job.pixels, prompted=prompted).logits, again(job.pixels, prompted=prompted).logits)
    assert job.trainer.evaluate()[SPARSITY]["accuracy"] == job.results["runs"][0]["accuracy"]


def folds(job: Job) -> None:
    model = job.trainer.models[SPARSITY]
    dense = model.to_dense()
    assert type(dense) is type(load_backbone(job.source).model)
    assert torch.allclose(
        dense(model.normalise(job.pixels)).logits, model(job.pixels, prompted=False).logits, atol=1e-5
    )


COLUMNS: dict[str, Callable[[Job], None]] = {
    "load": loads,
    "prune": prunes,
    "save": saves,
    "reload": reloads,
    "to_dense": folds,
}


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_tick_of_a_row(row, tmp_path):
    job = Job(row, tmp_path)
    for check in COLUMNS.values():
        check(job)


def test_the_table_claims_what_is_tested():
    lines = PAGE.text.partition("What can be pruned")[2].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    header, _, *rows = table[: len(ROWS) + 2]
    assert header[1:] == list(COLUMNS)
    assert {row[0]: row[1:] for row in rows} == {name: ["✓"] * len(COLUMNS) for name in ROWS}
    families = {source.family for source in ROWS.values() if isinstance(source, Stock)}
    assert families == set(FAMILIES) - {"resnet", "resnet-bottleneck", "vgg"}  # which the first rows stand for
