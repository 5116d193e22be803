"""One model timed in every library at hand: PyTorch, and ONNX Runtime and MNN where they are installed."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..backbones import Backbone
from ..errors import InputError
from ..export import (
    MNN,
    ONNX_RUNTIME,
    Classify,
    PixelClassifier,
    Source,
    check_mnn_installed,
    check_onnx_installed,
    folded,
    in_float32,
)
from ..metrics import Latency, device_name, measure_latency, use_semi_structured
from ..models import VPNsForImageClassification
from ..reporting import (
    DENSE,
    DENSE_FLOAT32,
    FLOAT32,
    GPU_DENSE,
    GPU_PRUNED,
    INT8,
    MNN_DENSE,
    MNN_PRUNED,
    PRUNED,
    BackendLatency,
    LatencyRecord,
)
from ..utils.text import first_line
from .cost import dense_network
from .results import package_versions

BATCH_SIZES = (1, 16)
REPEATS = 15
CPU = torch.device("cpu")
TWO_OF_FOUR = "2:4"  # the pattern that GPUs have kernels for


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
        of_files, notes = _file_calls(source, Path(folder), threads)
        on_gpu, of_gpu = _gpu_calls(source)
        calls, notes = {**_torch_calls(source.pruned), **of_files, **on_gpu}, [*notes, *of_gpu]
        measured = {size: _measure(calls, source.backbone.image_size, size) for size in BATCH_SIZES}
        return BackendLatency(
            [LatencyRecord(name, size, **asdict(measured[size][name])) for name in calls for size in BATCH_SIZES],
            model.sparsity,
            source.backbone.image_size,
            device_name(CPU),
            REPEATS,
            model.config.widths is not None,
            notes,
            date=datetime.now(timezone.utc).date().isoformat(),
            versions=package_versions(ONNX_RUNTIME.package, MNN.package),
        )


def _torch_calls(model: VPNsForImageClassification) -> dict[str, Classify]:
    stock = dense_network(model.eval())
    return {
        DENSE: lambda pixels: stock(model.normalise(pixels)).logits,
        PRUNED: lambda pixels: model(pixels, prompted=False).logits,
    }


def _gpu_calls(source: Source) -> tuple[dict[str, Classify], list[str]]:
    """Returns what a GPU classifies, dense and by its kernels for 2:4 linear layers; of another granularity nothing."""
    if source.pruned.config.granularity != TWO_OF_FOUR:
        return {}, []
    if not torch.cuda.is_available():
        return {}, [
            "2:4 brings nothing on a CPU; a GPU, some of which have kernels for linear layers of it, was not found."
        ]
    dense = copy.deepcopy(PixelClassifier(source, prompted=False)).to("cuda", torch.float16)
    pruned = copy.deepcopy(dense)
    calls = {name: partial(_on_gpu, network) for name, network in ((GPU_DENSE, dense), (GPU_PRUNED, pruned))}
    try:
        count = use_semi_structured(pruned)
        calls[GPU_PRUNED](torch.rand(1, 3, *[source.backbone.image_size] * 2))
    except RuntimeError as error:  # as of memory, or of a size that only the product refuses
        return {}, [f"The kernels of the GPU for 2:4 were left out: {first_line(error)}."]
    if not count:
        return {}, ["2:4 brings nothing here: no linear layer of the model is one that the kernels of this GPU take."]
    return calls, [f"{count} linear layers took the kernels for 2:4 of the {device_name(torch.device('cuda'))}."]


@torch.no_grad()
def _on_gpu(network: PixelClassifier, pixels: Tensor) -> Tensor:
    return network(pixels.to("cuda", torch.float16)).float().cpu()  # which waits for the GPU


def _file_calls(source: Source, folder: Path, threads: int) -> tuple[dict[str, Classify], list[str]]:
    """Writes the files of other libraries; returns what classifies by each, and what is to be said of them."""
    try:
        check_onnx_installed()
        paths = _write_in_onnx(source, folder)
    except InputError as error:
        return {}, [f"{ONNX_RUNTIME.name} was left out, and {MNN.name} with it: {error}."]
    calls = _onnx_calls(paths, source.backbone.image_size, threads)
    notes = ["The file of 8 bits was calibrated on noise and a photograph, for its speed alone."]
    try:
        check_mnn_installed()
        calls |= _mnn_calls(paths, threads)
    except InputError as error:
        notes.append(f"{MNN.name} was left out: {error}.")
    return calls, notes


def _write_in_onnx(source: Source, folder: Path) -> dict[str, Path]:
    from ..export import write_onnx

    paths = {name: folder / f"{index}.onnx" for index, name in enumerate((DENSE_FLOAT32, FLOAT32, INT8))}
    written = _in_float32(source)
    for name, each in written.items():
        write_onnx(PixelClassifier(each, prompted=False), source.backbone.image_size, paths[name], {})
    return {name: path for name, path in paths.items() if name in written or name == INT8}


def _onnx_calls(paths: Mapping[str, Path], side: int, threads: int) -> dict[str, Classify]:
    from ..export import check_pictures, quantise, session_of

    quantise(paths[FLOAT32], paths[INT8], (batch.pixels for batch in check_pictures(side)))
    return {name: session_of(path, threads) for name, path in paths.items()}


def _mnn_calls(paths: Mapping[str, Path], threads: int) -> dict[str, Classify]:
    """Returns what classifies with all weights, of a network without thinner layers its zeros too, and without zeros."""
    from ..export import mnn_session_of, write_mnn

    dense, pruned = (paths[FLOAT32].with_name(name) for name in ("dense.mnn", "pruned.mnn"))
    write_mnn(paths.get(DENSE_FLOAT32, paths[FLOAT32]), dense)
    write_mnn(paths[FLOAT32], pruned, skips_zeros=True)
    return {name: mnn_session_of(path, threads) for name, path in ((MNN_DENSE, dense), (MNN_PRUNED, pruned))}


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
