"""What it takes to rank the weights of ResNet-18 by each criterion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from transformers import PreTrainedModel, ResNetConfig, ResNetForImageClassification

from vpns_hf.data import Batch
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning import Pruner, geometric, one_shot
from vpns_hf.pruning.criteria import CRITERIA, Criterion, Phew, ScoringContext, synflow, unread_rows_last

from .step import bare_iteration, random_batches, resnet18

SPARSITY, IMAGE_SIZE, BATCH_SIZE, EPOCH = 0.9, 64, 64, 10_000
CLASSES = {index: f"class {index}" for index in range(10)}
IMAGES, PART = 100, 4  # ten of each class, and so many at a time
TINY = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", num_labels=1000)


@dataclass(frozen=True)
class Ranking:
    """A criterion as its method uses it.

    Attributes:
        criterion: ranks.
        rounds: after each of which it ranks anew.
    """

    criterion: Criterion
    rounds: int = 1

    @property
    def sparsities(self) -> list[float]:
        return (geometric if self.rounds > 1 else one_shot)(SPARSITY, self.rounds)


RANKINGS = {
    **{name: Ranking(criterion) for name, criterion in CRITERIA.items()},
    "synflow": Ranking(synflow, rounds=100),
    "phew": Ranking(Phew(SPARSITY)),
}


def benchmark_criteria(repeats: int = 3) -> list[dict]:
    """Times ranking and pruning at 90% by each criterion, 64 px, beside a bare training epoch over 10,000 images; measures memory.

    Returns:
        Two dicts for each criterion: seconds, the least of the repeats, beside those of the epoch; and what scoring once
        adds at its peak to the loaded model, beside the float32 weights, in MB, each in a process of its own.
    """
    epoch = epoch_seconds(repeats)
    times = {name: min(seconds_of(ranking) for _ in range(repeats)) for name, ranking in RANKINGS.items()}
    rows = [
        _row(f"{name}, 90% of ResNet-18, 64 px, beside an epoch", time, epoch, "s") for name, time in times.items()
    ]
    weights = 4e-6 * sum(mask.numel() for mask in network().masks().values())
    peaks = {name: _peak_in_process(name) for name in RANKINGS}
    return rows + [_row(f"memory of {name}, beside the weights", peak, weights, "MB") for name, peak in peaks.items()]


def epoch_seconds(repeats: int) -> float:
    """Returns the time of a bare epoch of as many images as two updates tell of, the least of the repeats."""
    iterate = bare_iteration(random_batches(IMAGE_SIZE, BATCH_SIZE))
    iterate()
    return min(_seconds(iterate) for _ in range(repeats)) * EPOCH / (2 * BATCH_SIZE)


def seconds_of(ranking: Ranking) -> float:
    """Returns the time to prune a new network."""
    context = context_of(network())
    criterion = unread_rows_last(ranking.criterion)

    def prune() -> None:
        for sparsity in ranking.sparsities:
            Pruner().apply(context.model, criterion(context), sparsity)

    return _seconds(prune)


def peak_memory(name: str) -> float:
    """Returns what a criterion adds at its peak to this process's resident memory, in MB."""
    criterion = RANKINGS[name].criterion
    criterion(context_of(network(ResNetForImageClassification(TINY))))  # loads what it needs of torch
    context = context_of(network())
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is that from here on
    before = _resident("VmRSS")
    criterion(context)
    return _resident("VmHWM") - before


def network(backbone: PreTrainedModel | None = None) -> VPNsForImageClassification:
    """Returns a network of ten classes for pictures of 64 pixels; ResNet-18 if none is given."""
    backbone = resnet18() if backbone is None else backbone
    return VPNsForImageClassification.from_backbone(backbone, id2label=CLASSES, image_size=IMAGE_SIZE, prompt_size=4)


def context_of(model: VPNsForImageClassification) -> ScoringContext:
    """Returns a context of ten images of each class, in small batches, so that memory is that of weights."""
    [images, _] = random_batches(IMAGE_SIZE, IMAGES)
    labels = images.labels % len(CLASSES)
    parts = zip(images.pixel_values.split(PART), labels.split(PART), strict=True)
    batches: Sequence[Batch] = [Batch(*part) for part in parts]
    return ScoringContext(model, lambda: batches)


def _peak_in_process(name: str) -> float:
    code = f"from scripts.benchmarks.criteria import peak_memory; print(peak_memory({name!r}))"
    returned = {f"MALLOC_{name}_THRESHOLD_": "131072" for name in ("MMAP", "TRIM")}  # what is freed is no peak
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **returned})
    return float(result.stdout.split()[-1])


def _resident(entry: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"{entry}:\s+(\d+) kB", status).group(1)) / 1000


def _row(name: str, ours: float, reference: float, unit: str) -> dict[str, str | float]:
    return {"name": name, "ours": ours, "reference": reference, "unit": unit, "ratio": ours / reference}


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
