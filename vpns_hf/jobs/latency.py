"""One model timed in every library at hand: PyTorch, and ONNX Runtime where it is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..backbones import Backbone
from ..errors import InputError
from ..export import Classify, PixelClassifier, Source, check_onnx_installed, folded, in_float32
from ..metrics import Latency, device_name, measure_latency
from ..models import VPNsForImageClassification
from ..reporting import DENSE, DENSE_FLOAT32, FLOAT32, INT8, PRUNED, BackendLatency
from .cost import dense_network

BATCH_SIZES = (1, 16)
REPEATS = 15
CPU = torch.device("cpu")


def compare_latency(model: VPNsForImageClassification, threads: int = 1) -> BackendLatency:
    """Times a pruned model on the CPU, without its prompt, beside the dense network; from pixels in [0, 1] to logits.

    Args:
        model: on the CPU.
        threads: of every library.

    Raises:
        InputError: if its classifier cannot be cut to its classes.
    """
    source = in_float32(folded(model))
    with _torch_threads(threads), tempfile.TemporaryDirectory() as folder:
        in_onnx, notes = _onnx_calls(source, Path(folder), threads)
        calls = {**_torch_calls(source.pruned), **in_onnx}
        measured = {size: _measure(calls, source.backbone.image_size, size) for size in BATCH_SIZES}
        return BackendLatency(
            {name: {size: measured[size][name] for size in BATCH_SIZES} for name in calls},
            model.sparsity,
            source.backbone.image_size,
            device_name(CPU),
            REPEATS,
            model.config.widths is not None,
            notes,
        )


def _torch_calls(model: VPNsForImageClassification) -> dict[str, Classify]:
    stock = dense_network(model.eval())
    return {
        DENSE: lambda pixels: stock(model.normalise(pixels)).logits,
        PRUNED: lambda pixels: model(pixels, prompted=False).logits,
    }


def _onnx_calls(source: Source, folder: Path, threads: int) -> tuple[dict[str, Classify], list[str]]:
    """Writes both files; returns what classifies by each, and what is to be said of them."""
    files = {DENSE_FLOAT32: "dense.onnx", FLOAT32: "model.onnx", INT8: "int8.onnx"}
    paths, side = {name: folder / file for name, file in files.items()}, source.backbone.image_size
    try:
        check_onnx_installed()
        from ..export import check_pictures, quantise, session_of, write_onnx

        for name, written in _in_float32(source).items():
            write_onnx(PixelClassifier(written, prompted=False), side, paths[name], {})
    except InputError as error:
        return {}, [f"ONNX Runtime was left out: {error}."]
    quantise(paths[FLOAT32], paths[INT8], (batch.pixels for batch in check_pictures(side)))
    calls = {name: session_of(path, threads) for name, path in paths.items() if path.is_file()}
    return calls, ["The file of 8 bits was calibrated on noise and a photograph, for its speed alone."]


def _in_float32(source: Source) -> dict[str, Source]:
    """Returns what is written in float32: the model, and the dense network where its layers are others."""
    if source.pruned.config.widths is None:
        return {FLOAT32: source}
    dense = Backbone(dense_network(source.pruned), source.backbone.normalisation, source.backbone.image_size)
    return {DENSE_FLOAT32: Source(dense), FLOAT32: source}


def _measure(calls: Mapping[str, Classify], image_size: int, batch_size: int) -> dict[str, Latency]:
    pixels = torch.rand(batch_size, 3, image_size, image_size, generator=torch.Generator().manual_seed(0))
    timed: dict[str, Callable[[], Tensor]] = {name: partial(classify, pixels) for name, classify in calls.items()}
    return measure_latency(timed, CPU, REPEATS)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
