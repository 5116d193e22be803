"""The ResNet-18 / CIFAR recipe on a GPU: each stage beside bare fine-tuning and the rate of the matrix units."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.nn import functional as F
from torch.optim import SGD
from transformers import PreTrainedModel

from vpns_hf.data import EvalTransform, ImageCache, TrainBatches, TrainTransform
from vpns_hf.data.batches import Process
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage
from vpns_hf.metrics import count_macs
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import (
    AdamSpec,
    ChannelsLast,
    Run,
    RunData,
    SGDSpec,
    TrainingStage,
    enter,
    train_epoch,
)

from .errors import NothingToMeasure
from .step import resnet18

SPARSITY, EPOCHS, TRAINING_IMAGES, GOAL_MINUTES = 0.7, 30, 50_000, 12.0
PASSES = 3  # forward, gradient of the input, gradient of the weights: as many operations each
VIEWS = 2


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        image_size: side of the pictures in the network.
        stored_size: side of the pictures in memory.
        batch_size: pictures per update.
        iterations: of two updates each, that are timed.
        matrix: side of the matrices that the rate of the matrix units is measured with.
        network: makes the network.
    """

    image_size: int = 224
    stored_size: int = 32
    batch_size: int = 256
    iterations: int = 40
    matrix: int = 8192
    network: Callable[[], PreTrainedModel] = resnet18


def benchmark_gpu() -> list[dict]:
    """Times both stages in bf16 and channels-last order.

    Raises:
        NothingToMeasure: if there is no GPU.
    """
    if not torch.cuda.is_available():
        raise NothingToMeasure("no GPU was found: nothing was measured")
    return measure(torch.device("cuda"), Sizes())


def measure(device: torch.device, sizes: Sizes) -> list[dict]:
    """Returns rows of images per second beside their references, and the projected minutes of a run."""
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 (accelerate offers no other way)
    accelerator = Accelerator(mixed_precision="bf16", cpu=device.type == "cpu")
    images = sizes.batch_size * VIEWS * sizes.iterations
    data = _data(device, sizes)
    bare = images / seconds_of(_bare(device, sizes), device)
    limit = _matrix_rate(device, sizes.matrix) / (2 * PASSES * operations(sizes))
    stages = {
        "mask search": FindMaskStage(1, AdamSpec(1e-4, 1e-4, 1e-4), scaled_weight, SPARSITY),
        "fine-tuning": FineTuneStage(1, SGDSpec(0.01, 0.01, 0.9, 1e-4)),
    }
    rates = {
        name: images / seconds_of(_stage(stage, accelerator, data, sizes), device) for name, stage in stages.items()
    }
    rows = []
    for name, rate in rates.items():
        rows.append(_row(f"{name}, beside bare fine-tuning", rate, bare, "images/s"))
        rows.append(_row(f"{name}, beside the limit of the matrix units", rate, limit, "images/s"))
    minutes = sum(EPOCHS * VIEWS * TRAINING_IMAGES / rate for rate in rates.values()) / 60
    return [*rows, _row(f"{EPOCHS} + {EPOCHS} epochs, beside the goal", GOAL_MINUTES, minutes, "minutes", swap=True)]


def _row(name: str, ours: float, reference: float, unit: str, swap: bool = False) -> dict:
    """The ratio is how many times as long ours takes."""
    ratio = reference / ours
    ours, reference = (reference, ours) if swap else (ours, reference)
    return {"name": name, "ours": ours, "reference": reference, "unit": unit, "ratio": ratio}


def _data(device: torch.device, sizes: Sizes) -> RunData:
    generator = torch.Generator().manual_seed(0)
    count = sizes.batch_size * sizes.iterations
    shape = (count, sizes.stored_size, sizes.stored_size, 3)
    pictures = torch.randint(256, shape, generator=generator, dtype=torch.uint8).to(device).permute(0, 3, 1, 2)
    source = ImageCache(pictures, torch.randint(10, (count,), generator=generator))
    shared = {"batch_size": sizes.batch_size, "seed": 0, "process": Process(0, 1, device)}
    return RunData(
        prompted=TrainBatches(source, EvalTransform(sizes.image_size), stream="prompted", **shared),
        plain=TrainBatches(source, TrainTransform(sizes.image_size), stream="plain", **shared),
        mapping=(),
    )


def _stage(stage: TrainingStage, accelerator: Accelerator, data: RunData, sizes: Sizes) -> Callable[[], object]:
    """Returns a function that trains one epoch of the stage."""
    side = sizes.image_size
    model = VPNsForImageClassification.from_backbone(
        sizes.network(), id2label={index: str(index) for index in range(10)}, image_size=side, prompt_size=side // 14
    ).to(accelerator.device)
    run = Run(model, accelerator, data, preparations=[ChannelsLast()])
    prepared = enter(run, stage)

    def epoch() -> None:
        run.progress.step = 0
        train_epoch(run, stage, prepared)

    return epoch


def _bare(device: torch.device, sizes: Sizes) -> Callable[[], object]:
    """Returns a function that takes as many updates of the bare network, on one batch that is there already."""
    model = sizes.network().to(device, memory_format=torch.channels_last).train()
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4, fused=True)
    pixels = torch.randn(sizes.batch_size, 3, sizes.image_size, sizes.image_size, device=device)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (sizes.batch_size,), device=device)

    def epoch() -> None:
        for _ in range(VIEWS * sizes.iterations):
            with torch.autocast(device.type, torch.bfloat16):
                logits = model(pixels).logits
            F.cross_entropy(logits.float(), labels).backward()
            optimizer.step()
            optimizer.zero_grad()

    return epoch


def _matrix_rate(device: torch.device, side: int, repeats: int = 20) -> float:
    """Returns floating-point operations per second of a bf16 matrix product."""
    left, right = torch.randn(2, side, side, device=device, dtype=torch.bfloat16)

    def products() -> None:
        for _ in range(repeats):
            left @ right

    return repeats * 2 * side**3 / seconds_of(products, device)


def operations(sizes: Sizes) -> int:
    side = sizes.image_size
    model = VPNsForImageClassification.from_backbone(
        sizes.network(), id2label={0: "0", 1: "1"}, visual_prompt="none", image_size=side
    )
    return count_macs(model, torch.rand(1, 3, side, side)).dense


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Returns the shorter of two times, after a first that is not counted."""
    times = []
    for _ in range(3):
        _finish(device)
        start = time.perf_counter()
        work()
        _finish(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
