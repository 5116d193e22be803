"""What a checkpoint costs beside an epoch of ResNet-18 at 64 pixels on as many images as CIFAR-10 has."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from accelerate import Accelerator

from vpns_hf.data import Batch
from vpns_hf.jobs.resume import Checkpointing, Checkpoints, Job
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.reporting import EpochRecord, ViewAccuracy, ViewLoss
from vpns_hf.training import AdamSpec, BestOnValidation, Run, RunData, SGDSpec, TrainingStage
from vpns_hf.training.distributed import StopRequest

from .step import LEARNING_RATE, SPARSITY, WEIGHT_DECAY, OneIteration, iterating, random_batches, resnet18

IMAGES, BATCH_SIZE, IMAGE_SIZE, EPOCHS = 50_000, 256, 64, (1, 30)
STAGES: dict[str, Callable[[], TrainingStage]] = {
    "find_mask": lambda: FindMaskStage(
        30, AdamSpec(LEARNING_RATE, LEARNING_RATE, WEIGHT_DECAY), scaled_weight, SPARSITY
    ),
    "finetune": lambda: FineTuneStage(
        30, SGDSpec(LEARNING_RATE, LEARNING_RATE, 0.9, WEIGHT_DECAY), BestOnValidation()
    ),
}


def benchmark_checkpoint(repeats: int = 3) -> list[dict]:
    """Times saving beside training; the epoch is the time of one iteration times the 196 an epoch has, not measured whole."""
    batches = random_batches(IMAGE_SIZE, BATCH_SIZE)
    return [row for name in STAGES for row in _stage_rows(name, batches, repeats)]


def _stage_rows(name: str, batches: list[Batch], repeats: int) -> list[dict]:
    run, iterate = _running(STAGES[name](), batches)
    iterations = math.ceil(IMAGES / BATCH_SIZE)
    epoch = iterations * statistics.median(_seconds(iterate) for _ in range(repeats + 1))
    rows = []
    with tempfile.TemporaryDirectory(prefix="vpns-checkpoint-") as folder, StopRequest(run.accelerator) as stop:
        checkpointing = Checkpointing(Checkpoints(Path(folder)), Job({}), (), stop, run.accelerator)
        for epochs in EPOCHS:
            run.history[:] = [_record(name, number) for number in range(1, epochs + 1)]
            saving = statistics.median(_seconds(lambda: checkpointing.save(run)) for _ in range(repeats))
            title = f"a checkpoint after epoch {epochs} of {name}, beside an epoch of {iterations} iterations"
            rows.append({"name": title, "ours": saving, "reference": epoch, "ratio": saving / epoch, "unit": "s"})
    return rows


def _running(stage: TrainingStage, batches: list[Batch]) -> tuple[Run, Callable[[], None]]:
    """Returns a run in the middle of a stage, and what takes an iteration of it."""
    model = VPNsForImageClassification.from_backbone(resnet18(), image_size=IMAGE_SIZE, prompt_size=5)
    data = RunData(OneIteration(batches[:1]), OneIteration(batches[1:]), OneIteration())
    run = Run(model, Accelerator(cpu=True), data)
    if isinstance(stage, FineTuneStage):
        stage.selection.consider(model, 1, ViewAccuracy(0.5, 0.5))  # its checkpoints hold a copy of the best weights
    return run, iterating(run, stage)


def _record(stage: str, epoch: int) -> EpochRecord:
    return EpochRecord(stage, epoch, ViewLoss(1.0, 1.0), SPARSITY, LEARNING_RATE, 60.0, ViewAccuracy(0.5, 0.5))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
