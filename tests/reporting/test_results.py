from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tests.helpers import refusal
from vpns_hf.errors import InputError
from vpns_hf.reporting import (
    AccuracyAfter,
    ChannelRecord,
    ClassRecord,
    DenseResult,
    EpochRecord,
    LayerRecord,
    Passes,
    Results,
    RunResult,
    ViewAccuracy,
    ViewLoss,
)


def test_results_json_has_the_public_schema():
    run = RunResult(
        method="vpns",
        granularity="weight",
        seed=7,
        sparsity_requested=0.7,
        sparsity=0.75,
        accuracy=ViewAccuracy(0.9, 0.8),
        top5=ViewAccuracy(1.0, 0.95),
        split="test",
        nonzero=6,
        total=24,
        seconds={"find_mask": 1.5},
        path="sparsity-70",
        validation=ViewAccuracy(0.85, 0.75),
        prompt_at_inference=True,
        effective_density=0.5,
        epoch=2,
        history=[EpochRecord("finetune", 1, ViewLoss(0.5, 0.25), 0.75, 0.01, 1.5, waiting=0.25, skipped=2)],
        layers=[LayerRecord("head", (6, 4), 6)],
        waiting=0.125,
        scope="global",
        passes=Passes(search=2.0, tuning=4.0),
        validation_after=AccuracyAfter(masked=ViewAccuracy(0.25, 0.5), tuned=ViewAccuracy(0.75, 0.5)),
        classes=[ClassRecord("cat", 3, ViewAccuracy(1.0, 0.5))],
        channels=ChannelRecord(3, 12),
    )
    assert Results(DenseResult(0.95, 1.0, "test", 4.0), [run]).to_dict() == {
        "dense": {"accuracy": 0.95, "top5": 1.0, "split": "test", "passes": 4.0, "classes": [], "path": None},
        "runs": [
            {
                "method": "vpns",
                "granularity": "weight",
                "seed": 7,
                "sparsity_requested": 0.7,
                "sparsity": 0.75,
                "accuracy": {"prompted": 0.9, "plain": 0.8},
                "top5": {"prompted": 1.0, "plain": 0.95},
                "split": "test",
                "nonzero": 6,
                "total": 24,
                "seconds": {"find_mask": 1.5},
                "path": "sparsity-70",
                "validation": {"prompted": 0.85, "plain": 0.75},
                "prompt_at_inference": True,
                "effective_density": 0.5,
                "epoch": 2,
                "history": [
                    {
                        "stage": "finetune",
                        "epoch": 1,
                        "loss": {"prompted": 0.5, "plain": 0.25},
                        "sparsity": 0.75,
                        "learning_rate": 0.01,
                        "seconds": 1.5,
                        "validation": None,
                        "waiting": 0.25,
                        "skipped": 2,
                    }
                ],
                "layers": [{"name": "head", "shape": [6, 4], "nonzero": 6, "total": 24, "density": 0.25}],
                "cost": {
                    **dict.fromkeys(("macs", "macs_nonzero", "dense_bytes", "milliseconds", "dense_milliseconds")),
                    **dict.fromkeys(("batch_size", "device", "dtype")),
                },
                "waiting": 0.125,
                "scope": "global",
                "passes": {"search": 2.0, "rounds": 0.0, "tuning": 4.0},
                "validation_after": {
                    "masked": {"prompted": 0.25, "plain": 0.5},
                    "recalibrated": None,
                    "tuned": {"prompted": 0.75, "plain": 0.5},
                },
                "classes": [{"name": "cat", "images": 3, "accuracy": {"prompted": 1.0, "plain": 0.5}}],
                "channels": {"kept": 3, "total": 12},
            }
        ],
        "model": None,
        "dataset": None,
        "protocol": None,
        "command": None,
        "versions": {},
        "skipped_images": {},
        "misread_images": {},
        "copied_images": {},
        "evaluations": [],
        "latency": None,
        "dense_references": [],
        "images": {},
        "options": {},
        "test_digest": None,
    }


def test_saved_results_load_back_equal(results, tmp_path):
    results.save(tmp_path / "new" / "results.json")
    assert Results.load(tmp_path / "new" / "results.json") == results


def test_the_least_a_file_may_hold():
    data = Results(DenseResult(0.9)).to_dict()
    assert Results.from_dict({"dense": {"accuracy": 0.9}, "runs": []}) == Results.from_dict(data)


def test_keys_of_a_later_version_are_left_out(results):
    data = results.to_dict()
    data["later"] = data["dense"]["later"] = data["runs"][0]["history"][0]["loss"]["later"] = 1
    assert Results.from_dict(data) == results


def test_a_diverged_loss_is_null_in_the_file(results, tmp_path):
    record = replace(results.runs[0].history[0], loss=ViewLoss(math.nan, math.inf))
    run = replace(results.runs[0], history=[record])
    replace(results, runs=[run]).save(tmp_path / "results.json")
    loaded = Results.load(tmp_path / "results.json")
    assert loaded.runs[0].history[0].loss == ViewLoss(None, None)


def test_saving_replaces_the_file_and_leaves_no_other(results, tmp_path):
    path = tmp_path / "results.json"
    Results(DenseResult(0.1)).save(path)
    results.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
    assert json.loads(path.read_text()) == results.to_dict()


def test_a_failed_save_keeps_the_old_file(results, tmp_path):
    path = tmp_path / "results.json"
    results.save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        replace(results, versions={"torch": object()}).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize("content", ["{", "[]", '{"runs": []}', '{"dense": {}, "runs": [{"method": "vpns"}]}', "3"])
def test_a_foreign_file_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(content)
    assert "holds no results" in refusal(Results.load, path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        Results.load(tmp_path / "results.json")


def test_seconds_of_a_run_add_up(results):
    assert results.runs[0].total_seconds == 27.75
