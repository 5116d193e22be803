"""A model is saved before anything is said of it, and what is said is of the model that was saved."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.helpers import forget_accelerator
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.reporting import CostRecord, Results

job_folder = importlib.import_module("vpns_hf.jobs.output.job_folder")


def weights(folder: Path) -> bytes:
    return (folder / "out/sparsity-50/model.safetensors").read_bytes()


def test_a_fault_in_reporting_loses_nothing_that_was_trained(tmp_path, monkeypatch):
    def fault(model: VPNsForImageClassification) -> CostRecord:
        raise KeyError("a network that cannot be counted")

    with monkeypatch.context() as patched, pytest.raises(KeyError):
        patched.setattr(job_folder, "measure_cost", fault)
        tiny_trainer(tmp_path / "faulty").train()
    saved = weights(tmp_path / "faulty")
    assert VPNsForImageClassification.from_pretrained(tmp_path / "faulty/out/sparsity-50").sparsity == 0.5

    forget_accelerator()
    tiny_trainer(tmp_path / "whole").train()
    forget_accelerator()
    tiny_trainer(tmp_path / "faulty").train()
    assert saved == weights(tmp_path / "faulty") == weights(tmp_path / "whole")
    assert (tmp_path / "faulty/out/sparsity-50/README.md").exists()


def test_what_is_timed_is_the_saved_model(tmp_path, monkeypatch):
    """In the model that was trained pruned weights are not zero yet: masking them takes its time."""
    timed = []
    measure = job_folder.measure_cost

    def watched(model: VPNsForImageClassification) -> CostRecord:
        timed.append(model)
        assert all((layer.weight[~layer.weight_mask] == 0).all() for layer in model.masked_layers().values())
        return measure(model)

    monkeypatch.setattr(job_folder, "measure_cost", watched)
    trainer = tiny_trainer(tmp_path)
    trainer.train()
    assert len(timed) == 1
    of_job, of_model = (Results.load(tmp_path / "out" / name) for name in ("results.json", "sparsity-50/results.json"))
    assert of_job.runs[0].cost == of_model.runs[0].cost
    assert of_job.runs[0].cost.milliseconds > 0
