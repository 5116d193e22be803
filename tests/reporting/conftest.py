from __future__ import annotations

import pytest

from tests.results import run_result
from vpns_hf.reporting import DenseResult, EpochRecord, LayerRecord, Results, RunResult, ViewAccuracy, ViewLoss


def make_run(sparsity: float, prompted: float | None, plain: float) -> RunResult:
    nonzero = 11678912 - int(sparsity * 11678912)
    validations = [None, ViewAccuracy(0.5, 0.4), ViewAccuracy(0.9, 0.7), ViewAccuracy(0.8, 0.6)]
    stages = [("find_mask", 1), ("find_mask", 2), ("finetune", 1), ("finetune", 2)]
    return run_result(
        sparsity,
        plain,
        prompted,
        sparsity=1 - nonzero / 11678912,
        top5=ViewAccuracy(0.99, 0.98),
        nonzero=nonzero,
        total=11678912,
        seconds={"find_mask": 12.25, "finetune": 15.0, "evaluate": 0.5},
        validation=ViewAccuracy(0.9, 0.7),
        prompt_at_inference=True,
        effective_density=0.25,
        epoch=1,
        history=[
            EpochRecord(stage, epoch, ViewLoss(2.0 / epoch, 1.0 / epoch), sparsity, 1e-4, 3.5, validation)
            for (stage, epoch), validation in zip(stages, validations, strict=True)
        ],
        layers=[LayerRecord("net.stem.conv", (4, 3, 3, 3), 61), LayerRecord("net.head", (6, 4), 0)],
        waiting=0.005,
    )


@pytest.fixture
def results() -> Results:
    return Results(
        dense=DenseResult(accuracy=0.9556, top5=0.998, split="test"),
        runs=[make_run(0.4, 0.9583, 0.9556), make_run(0.7, 0.9528, 0.9417), make_run(0.955, None, 0.8)],
        model="org/resnet",
        dataset="org/digits",
        protocol="The validation split was cut from train.",
        command="accelerate launch scripts/prune.py",
        versions={"torch": "2.13.0"},
    )


@pytest.fixture(autouse=True, scope="module")
def blank_plots() -> None:
    """Plots are drawn here, and looked at."""
