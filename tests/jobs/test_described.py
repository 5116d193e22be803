"""What is said of a model is of the one that was saved."""

from __future__ import annotations

import importlib

import pytest

from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.reporting import CostRecord, Results

job_folder = importlib.import_module("vpns_hf.jobs.output.job_folder")


@pytest.mark.slow
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
