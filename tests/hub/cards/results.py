"""What was measured of a model, for the cards that tell of it."""

from __future__ import annotations

from tests.results import run_result
from vpns_hf.reporting import (
    DENSE,
    PRUNED,
    BackendLatency,
    CostRecord,
    DenseResult,
    LatencyRecord,
    ModelEvaluation,
    Results,
    ViewAccuracy,
)

RUN = run_result(
    0.7,
    0.9417,
    0.9528,
    sparsity=0.7001,
    top5=ViewAccuracy(0.9931, 0.9861),
    nonzero=3502506,
    total=11678912,
    seconds={"find_mask": 12.5},
    validation=ViewAccuracy(0.9611, 0.95),
    prompt_at_inference=True,
    effective_density=0.2912,
    epoch=2,
    cost=CostRecord(
        macs=1_814_073_344,
        macs_nonzero=544_222_003,
        dense_bytes=46_827_520,
        milliseconds=30.711,
        dense_milliseconds=30.49,
        batch_size=1,
        device="CPU, 2 threads",
        dtype="float32",
    ),
)
RESULTS = Results(
    dense=DenseResult(0.9556, 0.998, "test"),
    runs=[RUN],
    model="org/resnet-18",
    dataset="org/digits",
    protocol="A tenth of train is the validation split.",
    command="accelerate launch scripts/prune.py --sparsities 0.7",
    versions={"torch": "2.13.0", "transformers": "5.23.0"},
)
EVALUATION = ModelEvaluation(
    dataset="org/digits",
    split="test",
    images=1234,
    accuracy=ViewAccuracy(0.91, 0.92),
    top5=ViewAccuracy(0.93, 0.94),
    prompt_at_inference=True,
    nonzero=25,
    total=100,
    size=2_500_000,
    cost=CostRecord(2_000_000_000, 500_000_000, 9_000_000, 1.5, 1.25, 1, "CPU, 8 threads", "bfloat16"),
    date="2026-01-31",
    versions={"torch": "2.13.0"},
)
LATENCY = BackendLatency(
    measured=[LatencyRecord(DENSE, 1, 7.0, 6.0, 8.0), LatencyRecord(PRUNED, 1, 3.5, 3.0, 4.0)],
    sparsity=0.75,
    image_size=32,
    device="CPU X, 1 thread",
    repeats=15,
    date="2026-02-01",
    versions={"MNN": "3.6.1"},
)
