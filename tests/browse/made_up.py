"""Models that no job has made, told by results alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.results import run_result
from vpns_hf.browse import Found, models_below
from vpns_hf.reporting import ClassRecord, CostRecord, DenseResult, LayerRecord, Results, RunResult, ViewAccuracy


def made_up_run(sparsity: float, plain: float, prompted: float | None = None, **fields: object) -> RunResult:
    """A run of 1,000 weights that takes as many milliseconds as it keeps hundreds."""
    kept, accuracy = round(1000 * (1 - sparsity)), ViewAccuracy(prompted, plain)
    known = {
        "prompt_at_inference": prompted is not None,
        "cost": CostRecord(macs=5000, macs_nonzero=5 * kept, milliseconds=kept / 100, batch_size=1),
        "layers": [
            LayerRecord("net.stem", (10, 10), kept // 10),
            LayerRecord("net.head", (90, 10), kept - kept // 10),
        ],
        "classes": [ClassRecord("cat", 10, accuracy), ClassRecord("dog", 10, ViewAccuracy(plain, 0.5))],
    }
    return run_result(sparsity, plain, prompted, **{**known, **fields})


def write_job(folder: Path, runs: list[RunResult], dense: float | None = 0.9, **fields: object) -> Path:
    """Writes results.json, and for each run a folder with weights that nothing can read, 4 bytes for each that is kept."""
    named = {
        "model": "microsoft/resnet-18",
        "dataset": "uoft-cs/cifar100",
        "command": f"vpns prune --output_dir {folder}",
    }
    Results(DenseResult(dense, None, "test"), runs, **{**named, **fields}).save(folder / "results.json")
    for run in runs:
        (folder / run.path).mkdir(exist_ok=True)
        (folder / run.path / "model.safetensors").write_bytes(b"nope" * run.nonzero)
    return folder


def found_in(folder: Path, jobs: Mapping[str, list[RunResult]], **fields: object) -> Found:
    """Writes jobs below a folder, and finds their models."""
    for name, runs in jobs.items():
        write_job(folder / name, runs, **fields)
    return models_below(folder)
