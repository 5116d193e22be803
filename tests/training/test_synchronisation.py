"""Between updates the host reads nothing from the device.

On a CPU, reading a number is an event of torch's profiler. The selection in main memory is exempt: it works with NumPy, on
the host by its nature; the one for accelerators takes its place here.
"""

from __future__ import annotations

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from tests.training_helpers import dense_model, make_run, random_batches
from vpns_hf.data import Batch
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage
from vpns_hf.pruning import learned_mask
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.pruning.thresholds import DeviceSelector
from vpns_hf.training import (
    AdamSpec,
    LoggingCallback,
    ProgressCallback,
    RankCheck,
    SGDSpec,
    SkipNonFinite,
    Stepping,
    enter,
    train_epoch,
)

READS = {"aten::item", "aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::masked_select"}
STEP_COUNT = "aten::_fused_adam_"  # on a CPU this kernel reads the number of steps, on a GPU the device does
ADAM = AdamSpec(1e-2, 1e-1, 1e-4)
SGD = SGDSpec(learning_rate=0.05, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)
STAGES = {"find_mask": lambda: FindMaskStage(1, ADAM, scaled_weight, 0.5), "finetune": lambda: FineTuneStage(1, SGD)}
STEPPINGS = {
    "plain": Stepping(),
    "parts": Stepping(parts=2),
    "clipped": Stepping(max_grad_norm=0.1),
    "skipping": Stepping(non_finite=SkipNonFinite()),
}


def prepared(stage, stepping, device="cpu"):
    """A run within a stage, and the prepared model, after a first epoch that builds the optimiser's state."""
    batches = [
        [Batch(*(part.to(device) for part in batch[:2])) for batch in random_batches(3, seed=seed)] for seed in (0, 1)
    ]
    run = make_run(dense_model().to(device), *batches)
    run.callbacks = [RankCheck(2), ProgressCallback(disable=True), LoggingCallback()]
    run.stepping = stepping
    model = enter(run, stage)
    train_epoch(run, stage, model)
    run.progress.step = 0
    return run, model


@pytest.mark.parametrize("stepping", STEPPINGS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_step_reads_a_number(monkeypatch, stage, stepping):
    monkeypatch.setattr(learned_mask, "make_selector", lambda dropped, device: DeviceSelector(dropped))
    stage = STAGES[stage]()
    run, model = prepared(stage, STEPPINGS[stepping])
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        train_epoch(run, stage, model)
    names = {event.key for event in seen.key_averages()}
    assert any("convolution" in name for name in names)
    assert [path for path in reads(seen) if STEP_COUNT not in path] == []


def reads(seen: profile) -> list[list[str]]:
    """The names of every reading event and of those it is part of."""
    paths = []
    for event in seen.events():
        if event.name in READS:
            paths.append([event.name])
            while (event := event.cpu_parent) is not None:
                paths[-1].append(event.name)
    return paths


def test_the_profiler_would_tell():
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        float(torch.ones(()))
    assert reads(seen)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("stepping", STEPPINGS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_step_waits_for_the_gpu(stage, stepping):
    stage = STAGES[stage]()
    run, model = prepared(stage, STEPPINGS[stepping], "cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        train_epoch(run, stage, model)
    finally:
        torch.cuda.set_sync_debug_mode("default")
