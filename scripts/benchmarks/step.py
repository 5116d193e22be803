"""A stage-1 iteration against the same two updates of the bare network."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam
from transformers import ResNetConfig, ResNetForImageClassification

from vpns_hf.data import Batch
from vpns_hf.methods.stages import FindMaskStage
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import AdamSpec, FastStemGradient, Run, RunData, TrainingStage, enter, train_epoch

LEARNING_RATE, WEIGHT_DECAY, SPARSITY, SEED = 1e-4, 1e-4, 0.7, 0
SIZES = ((64, 64), (224, 16))


def resnet18(num_labels: int = 1000) -> ResNetForImageClassification:
    """Returns a ResNet-18 with random weights."""
    torch.manual_seed(SEED)
    config = ResNetConfig(
        layer_type="basic", hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], num_labels=num_labels
    )
    return ResNetForImageClassification(config)


class OneIteration(list):
    """A stream of one batch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        return iter(self[start:])


def stage1_iteration(image_size: int, batches: list[Batch]) -> Callable[[], object]:
    """Returns a function that takes one stage-1 iteration through the training loop."""
    model = VPNsForImageClassification.from_backbone(resnet18(), image_size=image_size, prompt_size=image_size // 14)
    data = RunData(OneIteration(batches[:1]), OneIteration(batches[1:]), OneIteration())
    run = Run(model, Accelerator(cpu=True), data, preparations=[FastStemGradient()])
    stage = FindMaskStage(1, AdamSpec(LEARNING_RATE, LEARNING_RATE, WEIGHT_DECAY), scaled_weight, SPARSITY)
    return iterating(run, stage)


def iterating(run: Run, stage: TrainingStage) -> Callable[[], None]:
    """Begins a stage of a run, and returns what takes an iteration of it."""
    prepared = enter(run, stage)

    def iterate() -> None:
        run.progress.step = 0
        train_epoch(run, stage, prepared)

    return iterate


def bare_iteration(batches: list[Batch]) -> Callable[[], object]:
    """Returns a function that takes the same two updates of the bare network, on normalised pictures."""
    model = resnet18().train()
    optimizer = Adam(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    pictures = [(_normalised(batch.pixel_values), batch.labels) for batch in batches]

    def iterate() -> None:
        for pixels, labels in pictures:
            F.cross_entropy(model(pixels).logits, labels).backward()
            optimizer.step()
            optimizer.zero_grad()

    return iterate


def random_batches(image_size: int, batch_size: int) -> list[Batch]:
    """Returns two batches of random pixels."""
    generator = torch.Generator().manual_seed(SEED)
    return [
        Batch(
            torch.rand(batch_size, 3, image_size, image_size, generator=generator),
            torch.randint(1000, (batch_size,), generator=generator),
        )
        for _ in range(2)
    ]


def benchmark_step(repeats: int = 9) -> list[dict]:
    """Times both sides alternately; milliseconds per iteration of two updates, medians."""
    rows = []
    for image_size, batch_size in SIZES:
        batches = random_batches(image_size, batch_size)
        ours, bare = stage1_iteration(image_size, batches), bare_iteration(batches)
        times = [(_milliseconds(ours), _milliseconds(bare)) for _ in range(repeats + 2)][2:]
        mine, reference = (statistics.median(side) for side in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in times)
        name = f"stage-1 iteration, ResNet-18, {image_size} px, batch {batch_size}"
        rows.append({"name": name, "ours": mine, "reference": reference, "unit": "ms", "ratio": ratio})
    return rows


def benchmark_memory() -> list[dict]:
    """Measures peak resident memory of stage 1 and of bare fine-tuning with Adam, each in a process of its own, in MB."""
    rows = []
    for image_size, batch_size in SIZES:
        ours, bare = (_peak_in_process(side, image_size, batch_size) for side in ("stage1", "bare"))
        name = f"peak memory of stage 1, ResNet-18, {image_size} px, batch {batch_size}"
        rows.append({"name": name, "ours": ours, "reference": bare, "unit": "MB", "ratio": ours / bare})
    return rows


def peak_memory(side: str, image_size: int, batch_size: int) -> float:
    """Returns what three iterations add to this process's peak resident memory, in MB."""
    torch.ones(1).sum()
    before = _peak()
    batches = random_batches(image_size, batch_size)
    iterate = stage1_iteration(image_size, batches) if side == "stage1" else bare_iteration(batches)
    for _ in range(3):
        iterate()
    return _peak() - before


def _peak_in_process(side: str, image_size: int, batch_size: int) -> float:
    code = f"from scripts.benchmarks.step import peak_memory; print(peak_memory({side!r}, {image_size}, {batch_size}))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(result.stdout.split()[-1])


def _peak() -> float:
    # Not getrusage: a new process inherits the peak of the one it was forked from.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1000


def _normalised(pixels: Tensor) -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)
