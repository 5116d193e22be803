"""Every tick of the table "What can be pruned" in README, cell by cell, with a tiny network of each family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageClassification, PreTrainedModel

import vpns_hf
from tests.families import FAMILIES
from tests.helpers import pictures, randomised
from tests.training_helpers import coloured_split, tiny_arguments
from vpns_hf import VPNsForImageClassification, VPNsTrainer
from vpns_hf.backbones import load_backbone
from vpns_hf.pruning.thresholds import num_dropped

SPARSITY = 0.6
README = Path(vpns_hf.__file__).parents[1] / "README.md"
ROWS = {
    "ResNet, basic blocks": "resnet",
    "ResNet, bottlenecks": "resnet-bottleneck",
    "ConvNeXt": "convnext",
    "ConvNeXt V2": "convnextv2",
    "RegNet": "regnet",
    "MobileNetV2": "mobilenetv2",
    "EfficientNet": "efficientnet",
    "ViT": "vit",
    "DeiT": "deit",
    "DINOv2": "dinov2",
    "Swin": "swin",
}


class Job:
    """The main job on a backbone that is loaded from a folder."""

    def __init__(self, family: str, folder: Path) -> None:
        self.stock: PreTrainedModel = randomised(AutoModelForImageClassification.from_config, FAMILIES[family])
        self.source = folder / "backbone"
        self.stock.save_pretrained(self.source)
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
    loaded = load_backbone(job.source, num_labels=3).model
    for key, value in job.stock.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def prunes(job: Job) -> None:
    masks = job.trainer.models[SPARSITY].masks().values()
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == total - num_dropped(total, SPARSITY)
    assert job.results["runs"][0]["sparsity"] == num_dropped(total, SPARSITY) / total


def saves(job: Job) -> None:
    """Pruned weights are not in the file."""
    sparse = (job.folder / "model.safetensors").stat().st_size
    job.trainer.models[SPARSITY].save_pretrained(job.folder.parent / "plain", sparse=False)
    dense = (job.folder.parent / "plain" / "model.safetensors").stat().st_size
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
    assert type(dense) is type(job.stock)
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
@pytest.mark.parametrize("family", ROWS.values(), ids=str)
def test_every_tick_of_a_row(family, tmp_path):
    job = Job(family, tmp_path)
    for check in COLUMNS.values():
        check(job)


def test_the_table_claims_what_is_tested():
    lines = README.read_text(encoding="utf-8").partition("What can be pruned")[2].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    header, _, *rows = table[: len(ROWS) + 2]
    assert header[1:] == list(COLUMNS)
    assert {row[0]: row[1:] for row in rows} == {name: ["✓"] * len(COLUMNS) for name in ROWS}
    assert set(ROWS.values()) == set(FAMILIES)
