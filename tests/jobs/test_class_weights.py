"""Jobs on unbalanced data in whose losses an image counts by its class."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from tests.faults.interrupted import crashed_job, job
from tests.helpers import forget_accelerator, tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments
from vpns_hf import InputError, VPNsTrainer
from vpns_hf.training import Callback, Run

ROWS = [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 1, 4, 7, 10, 13, 2, 5, 8]  # 10 of cat, 5 of dog, 3 of owl
WEIGHTS = [18 / 30, 18 / 15, 18 / 9]
JOB = {"class_weights": "auto", "label_mapping": "identity", "pretrain_epochs": 1, "dense_reference": True}


class Counted(Callback):
    """Keeps by what the stages of each run learn."""

    def __init__(self) -> None:
        self.weights: dict[tuple[str, str], Tensor] = {}

    def on_stage_begin(self, run: Run, stage) -> None:
        self.weights[run.name, stage.name] = stage.objective(run).weights


def unbalanced(folder, *callbacks: Callback, streams: bool = False, rows=ROWS, **changes: object) -> VPNsTrainer:
    splits = [coloured_split(30, seed=1).select(rows), coloured_split(13, seed=2), coloured_split(17, seed=3)]
    splits = [split.to_iterable_dataset() for split in splits] if streams else splits
    return VPNsTrainer(tiny_resnet(), tiny_arguments(folder, **{**JOB, **changes}), *splits, callbacks=callbacks)


@pytest.mark.slow
def test_every_training_counts_images_by_their_class(tmp_path):
    counted = Counted()
    results = unbalanced(tmp_path, counted, streams=True).train()
    names = [name for _, name in counted.weights]
    assert names == ["pretrain", "finetune", "find_mask", "finetune"]
    for weights in counted.weights.values():
        torch.testing.assert_close(weights, torch.tensor(WEIGHTS))
    assert results["options"]["class_weights"] == "auto"
    assert json.loads((tmp_path / "out" / "results.json").read_text())["options"]["class_weights"] == "auto"


def test_the_plan_says_how_much_an_image_counts(tmp_path):
    plan = str(unbalanced(tmp_path).plan())
    assert "Class weights in training: auto, 0.6 (cat) to 2 (owl), 1 on average over the images\n" in plan
    assert "Class weights" not in str(unbalanced(tmp_path, class_weights="none").plan())


def test_a_class_without_an_image_is_told_before_anything_is_written(tmp_path):
    trainer = unbalanced(tmp_path, rows=ROWS[:-3])
    for what in (trainer.plan, trainer.train):
        with pytest.raises(InputError, match=r"no training image shows the class 'owl'; "):
            what()
    assert not (tmp_path / "out").exists()


def test_an_unfinished_job_goes_on_with_the_same_weights_only(tmp_path):
    crashed_job(tmp_path, 7)
    forget_accelerator()
    with pytest.raises(InputError, match=r"class_weights none, now auto"):
        job(tmp_path, class_weights="auto").train()
