"""Whole jobs of the compared methods: what is recorded of them, and what no mask may depend on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import torch
from torch import Tensor

from tests.helpers import forget_accelerator, tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments, tiny_trainer
from vpns_hf import VPNsTrainer
from vpns_hf.reporting import Results

pytestmark = pytest.mark.slow  # whole jobs

# A map that is fitted may be another at each sparsity, and with it the rows of the head that are read.
ONLY_THE_MASK = {"finetune_epochs": 0, "label_mapping": "identity"}


def trained(folder: Path, **changes: object) -> VPNsTrainer:
    forget_accelerator()
    trainer = tiny_trainer(folder, **changes)
    trainer.train()
    return trainer


def masks(trainer: VPNsTrainer, sparsity: float) -> dict[str, Tensor]:
    return trainer.models[sparsity].masks()


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert [name for name, mask in first.items() if not torch.equal(mask, second[name])] == []


def test_each_sparsity_stands_beside_a_dense_model_of_its_cost(tmp_path):
    trainer = tiny_trainer(
        tmp_path, method="imp", sparsities=[0.2, 0.36], finetune_epochs=1, dense_reference=True, seed=8
    )
    trainer.train()
    results = Results.load(tmp_path / "out/results.json")
    assert [run.passes.total for run in results.runs] == [4.0, 6.0]
    assert [dense.passes for dense in results.dense_references] == [4.0, 6.0]
    assert [dense.path for dense in results.dense_references] == [f"dense-reference/{n}-passes" for n in (4, 6)]
    assert results.dense == results.dense_references[0]
    for run, dense in zip(results.runs, results.dense_references, strict=True):
        of_model = Results.load(tmp_path / "out" / run.path / "results.json")
        assert of_model.dense == replace(dense, path=None)  # which lies in the folder of the job
        card = (tmp_path / "out" / run.path / "README.md").read_text()
        assert f"after {run.passes.total:g} passes over the training images; dense model: " in card
        assert f"%, after {dense.passes:g} passes.**" in card
    assert results.images == {"train": 40, "validation": 13, "test": 17}


def test_passes_and_scope_stand_in_the_results_and_in_the_plan(tmp_path):
    trainer = tiny_trainer(
        tmp_path, method="imp", sparsities=[0.2, 0.36], equal_passes="7", scope="layer", dense_reference=True
    )
    plan = str(trainer.plan())
    trainer.train()
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    one, two = written["runs"]
    assert one["passes"] == {"search": 0.0, "rounds": 2.0, "tuning": 4.0}
    assert two["passes"] == {"search": 0.0, "rounds": 4.0, "tuning": 2.0}
    assert (one["scope"], two["scope"]) == ("layer", "layer")
    assert written["dense"]["passes"] == 6.0
    assert [record["stage"] for record in two["history"]] == ["round", "round", "finetune"]
    assert [record["sparsity"] for record in two["history"]] == pytest.approx([0.0, 0.2, 0.36], abs=2e-3)
    assert (
        "Passes over the training images: 6 (2 rounds, 4 tuning) at 20%, 6 (4 rounds, 2 tuning) at 36%, 6 for the"
        in plan
    )
    assert set(one["seconds"]) == {"label_mapping", "round", "prune", "rewind", "measure", "finetune", "evaluation"}
    again = Results.load(tmp_path / "out" / "results.json")
    assert [run.passes.total for run in again.runs] == [6.0, 6.0]


def test_reading_some_images_counts_as_a_part_of_a_pass(tmp_path):
    trainer = tiny_trainer(tmp_path, method="snip", score_images_per_class=4)
    assert "2.3 (0.3 search, 2 tuning) for the one sparsity" in str(trainer.plan())
    [run] = trainer.train()["runs"]
    assert run["passes"] == {"search": 12 / 40, "rounds": 0.0, "tuning": 2.0}


def test_a_random_mask_does_not_depend_on_its_place_in_the_list(tmp_path):
    alone = trained(tmp_path / "alone", method="random", sparsities=[0.8], **ONLY_THE_MASK)
    listed = trained(tmp_path / "list", method="random", sparsities=[0.5, 0.8], **ONLY_THE_MASK)
    assert_same(masks(alone, 0.8), masks(listed, 0.8))
    assert all((mask <= masks(listed, 0.5)[name]).all() for name, mask in masks(listed, 0.8).items())


def test_snip_gives_the_same_mask_in_bf16_in_other_batches_and_from_a_stream(tmp_path):
    job = {"method": "snip", **ONLY_THE_MASK}
    expected = masks(trained(tmp_path / "full", **job), 0.5)
    assert_same(masks(trained(tmp_path / "bf16", mixed_precision="bf16", **job), 0.5), expected)
    assert_same(masks(trained(tmp_path / "batches", per_device_eval_batch_size=7, **job), 0.5), expected)
    splits = [coloured_split(count, seed=seed) for count, seed in ((40, 1), (13, 2), (17, 3))]
    streams = [split.to_iterable_dataset() for split in splits]
    assert all(isinstance(stream, datasets.IterableDataset) for stream in streams)
    stream = VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path / "stream", **job), *streams)
    stream.train()
    assert_same(masks(stream, 0.5), expected)
