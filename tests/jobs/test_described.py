"""What is said of a model is of the one that was saved."""

from __future__ import annotations

import importlib

import pytest
import torch

from tests.helpers import tiny_model
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification
from vpns_hf.jobs.output import SavedModels
from vpns_hf.reporting import CostRecord, DenseResult, Results, RunResult, ViewAccuracy, sparsity_name

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


def run_of(sparsity: float) -> RunResult:
    """The result of a model, as far as its pictures tell of it."""
    said = {
        "method": "vpns",
        "granularity": "weight",
        "seed": 7,
        "split": "test",
        "nonzero": 1,
        "total": 2,
        "seconds": {},
    }
    accuracy = {"accuracy": ViewAccuracy(0.9, 0.9), "top5": ViewAccuracy()}
    return RunResult(sparsity_requested=sparsity, sparsity=sparsity, path=sparsity_name(sparsity), **said, **accuracy)


def test_prompts_of_all_sparsities_are_drawn_on_one_scale(tmp_path, monkeypatch):
    """Changes of 10 and 100 grey levels: full colour is 128 of both."""
    figures = []
    monkeypatch.setattr("vpns_hf.reporting.report.save_png", lambda figure, path: figures.append((path, figure)))
    runs = [run_of(sparsity) for sparsity in (0.4, 0.7)]
    folder = job_folder.JobFolder(SavedModels(tmp_path), {}, lambda *_: Results(DenseResult()))
    for run, levels in zip(runs, (10, 100), strict=True):
        model = tiny_model()
        with torch.no_grad():
            model.visual_prompt.prompt.fill_(levels / 255)
        folder.save(model, run.sparsity_requested, is_first=run is runs[0])
    folder.finish(Results(DenseResult(), runs), [0], {}, None)
    scales = {
        path.parts[-3]: figure.axes[1].images[0].get_clim() for path, figure in figures if path.name == "prompt.png"
    }
    assert scales == {"sparsity-40": (-128, 128), "sparsity-70": (-128, 128)}
