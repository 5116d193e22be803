"""How long one model takes in several libraries, in a table and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..metrics import Latency
from .markdown import markdown_table
from .numbers import milliseconds, percent
from .records import Record

DENSE, PRUNED = "PyTorch, dense", "PyTorch, pruned"
FLOAT32, INT8 = "ONNX Runtime, float32", "ONNX Runtime, 8 bits"
DENSE_FLOAT32 = "ONNX Runtime, dense"  # where the pruned network has thinner layers
MNN_DENSE, MNN_PRUNED = "MNN, dense", "MNN, pruned"
GPU_DENSE, GPU_PRUNED = "PyTorch on the GPU, float16", "the same, kernels for 2:4"


@dataclass(frozen=True)
class LatencyRecord(Record):
    """One backend at one batch size: median, lower and upper quartile, in milliseconds."""

    backend: str
    batch_size: int
    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class BackendLatency(Record):
    """Latencies measured in turn, in one run.

    Attributes:
        measured: one record per backend and batch size, `DENSE` and `PRUNED` among the backends.
        sparsity: of the pruned model.
        image_size: side of the pictures, in pixels.
        device: name of the CPU, and the threads of every backend.
        repeats: how often each was timed at least.
        is_thinner: whether the pruned model has fewer channels than the dense one.
        notes: what a reader has to know of backends that were left out, or how others were made, in sentences.
        command: the command line that measured them.
        date: the day they were measured on, such as 2026-01-31.
        versions: version of each package that has a part in them.
    """

    measured: list[LatencyRecord]
    sparsity: float
    image_size: int
    device: str
    repeats: int
    is_thinner: bool = False
    notes: list[str] = field(default_factory=list)
    command: str | None = None
    date: str | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @cached_property
    def latencies(self) -> Mapping[str, Mapping[int, Latency]]:
        """The same by backend and batch size."""
        ordered: dict[str, dict[int, Latency]] = {}
        for one in self.measured:
            ordered.setdefault(one.backend, {})[one.batch_size] = Latency(one.median, one.lower, one.upper)
        return ordered

    def __str__(self) -> str:
        title = (
            f"Latency without the prompt, pictures of {self.image_size} pixels, {self.device}; medians and quartiles of "
            f"at least {self.repeats} runs each, in turn; float32, but where another type is named"
        )
        return "\n\n".join([title, self._table(), "\n".join([*self._expectations(), *self.notes])])

    def _table(self) -> str:
        sizes = list(self.latencies[DENSE])
        rows = [[name, *(latency_range(values[size]) for size in sizes)] for name, values in self.latencies.items()]
        header = ["", *(f"Batch of {size}" for size in sizes)]
        return markdown_table(header, rows, [False, *[True] * len(sizes)])

    def _expectations(self) -> list[str]:
        """Returns what to expect on this machine, from what was measured, in sentences."""
        pruned = f"the model with {percent(self.sparsity)} of its weights removed"
        sentences = [self._compared(PRUNED, DENSE, f"In PyTorch {pruned}, beside the dense one")]
        if not self.is_thinner and not self._is_ever_faster(PRUNED, DENSE):
            sentences.append(
                "Expect a smaller file of it, but no more speed: zeros are multiplied like other numbers."
            )
        if DENSE_FLOAT32 in self.latencies:
            sentences.append(self._compared(FLOAT32, DENSE_FLOAT32, "In ONNX Runtime the same, both in float32"))
        if FLOAT32 in self.latencies:
            sentences.append(self._compared(FLOAT32, PRUNED, "ONNX Runtime in float32, beside PyTorch"))
        if INT8 in self.latencies:
            sentences.append(self._compared(INT8, FLOAT32, "Its file of 8 bits, beside that in float32"))
        if MNN_PRUNED in self.latencies:
            sentences.append(self._compared(MNN_PRUNED, MNN_DENSE, "In MNN the pruned model, beside the dense one"))
            if not self.is_thinner and not self._is_ever_faster(MNN_PRUNED, MNN_DENSE):
                sentences.append(
                    "MNN skips zeros in layers with more than 60% of them, and they are too few to save time."
                )
        if GPU_PRUNED in self.latencies:
            sentences.append(
                self._compared(GPU_PRUNED, GPU_DENSE, "On the GPU its kernels for 2:4, beside dense ones")
            )
        return sentences

    def _compared(self, name: str, reference: str, subject: str) -> str:
        parts = [
            f"{speed_ratio(self.latencies[name][size], other)} (batch of {size})"
            for size, other in self.latencies[reference].items()
        ]
        return f"{subject}: {', '.join(parts)}."

    def _is_ever_faster(self, name: str, reference: str) -> bool:
        pairs = [(self.latencies[name][size], other) for size, other in self.latencies[reference].items()]
        return any(ours.median < theirs.median and not ours.overlaps(theirs) for ours, theirs in pairs)


def latency_range(latency: Latency) -> str:
    """Returns median and quartiles in words: "10 ms (9 to 11)"."""
    lower, upper = (milliseconds(value).removesuffix(" ms") for value in (latency.lower, latency.upper))
    return f"{milliseconds(latency.median)} ({lower} to {upper})"


def speed_ratio(latency: Latency, reference: Latency) -> str:
    """Returns how fast one is beside the other, in words: "2.00 times as fast", or as fast where their spreads overlap.

    Where the quartiles of either lie far apart, as on a busy machine, a ratio would tell of that alone.
    """
    if not (latency.is_steady and reference.is_steady):
        return "not to be told from times that spread so far"
    if latency.overlaps(reference):
        return "as fast to within the spread"
    times = reference.median / latency.median
    return f"{times:.2f} times as fast" if times > 1 else f"{1 / times:.2f} times as slow"
