"""The files that MNN reads: with all weights, and without the zeros where MNN has kernels that skip them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from ..metrics import Latency, device_name, measure_latency
from ..reporting import latency_range, markdown_table, megabytes, speed_ratio
from .classifier import MNN, Classify, PixelClassifier
from .mnn import mnn_session_of, write_mnn
from .onnx import session_of, write_onnx
from .runnable import Written
from .sources import Source

ALL_WEIGHTS, WITHOUT_ZEROS = "model.mnn", "model_sparse.mnn"
IN_ONNX = "the same in ONNX, not kept"
CPU = torch.device("cpu")


class MnnFiles:
    """`model.mnn`, and `model_sparse.mnn` where layers have so many zeros that MNN has kernels for them."""

    library = MNN

    def write(self, source: Source, prompted: bool, folder: Path) -> Written:
        """As in `Files`; all files are timed beside each other, on one picture at a time."""
        side = source.backbone.image_size
        with tempfile.TemporaryDirectory() as aside:
            onnx = Path(aside) / "model.onnx"
            write_onnx(PixelClassifier(source, prompted), side, onnx, {})
            paths = {path.name: path for path in _converted(onnx, folder)}
            files = {name: mnn_session_of(path) for name, path in paths.items()}
            latencies = _timed({IN_ONNX: session_of(onnx), **files}, side)
            sizes = {name: path.stat().st_size for name, path in {IN_ONNX: onnx, **paths}.items()}
        best = min(files, key=lambda name: latencies[name].median)
        return Written(files, list(files), best, [_table(latencies, sizes), _of_zeros(source, latencies, best)])


def _converted(onnx: Path, folder: Path) -> list[Path]:
    """Writes both files; returns the one, where no layer has enough zeros for the other to be another."""
    dense, sparse = folder / ALL_WEIGHTS, folder / WITHOUT_ZEROS
    write_mnn(onnx, dense)
    write_mnn(onnx, sparse, skips_zeros=True)
    if sparse.stat().st_size < dense.stat().st_size:
        return [dense, sparse]
    sparse.unlink()
    return [dense]


def _timed(files: Mapping[str, Classify], side: int) -> dict[str, Latency]:
    pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    return measure_latency({name: partial(classify, pixels) for name, classify in files.items()}, CPU)


def _table(latencies: Mapping[str, Latency], sizes: Mapping[str, int]) -> str:
    rows = [[name, megabytes(sizes[name]), latency_range(latency)] for name, latency in latencies.items()]
    table = markdown_table(["", "File", "One picture"], rows, [False, True, True])
    return f"Timed on {device_name(CPU)}, medians and quartiles, all in turn:\n\n{table}"


def _of_zeros(source: Source, latencies: Mapping[str, Latency], best: str) -> str:
    """Returns what the zeros of the model bring, in sentences."""
    if WITHOUT_ZEROS not in latencies:
        thinner = source.pruned is not None and source.pruned.config.widths is not None
        why = "; what makes it faster are the channels that are gone" if thinner else ""
        return (
            f"No layer has more than 60% of zeros, from which on MNN skips them: {ALL_WEIGHTS} holds all weights{why}."
        )
    speed = speed_ratio(latencies[WITHOUT_ZEROS], latencies[ALL_WEIGHTS])
    return (
        f"{WITHOUT_ZEROS} leaves out the zeros of layers with more than 60% of them, from the file and from what is computed: "
        f"{speed}, here and for one picture, beside {ALL_WEIGHTS}, which holds all weights. The program in README.md takes {best}."
    )
