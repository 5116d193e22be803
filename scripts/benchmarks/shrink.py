"""A ResNet-18 without half of its channels beside the dense one, in PyTorch and ONNX Runtime; and one with zeros, in MNN."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from vpns_hf.backbones import IMAGENET, Backbone
from vpns_hf.data import Batch
from vpns_hf.export import (
    OnnxFiles,
    PixelClassifier,
    Source,
    check_mnn_installed,
    check_pictures,
    export_runnable,
    folded,
    load_source,
    mnn_session_of,
    quantise,
    session_of,
    write_mnn,
    write_onnx,
)
from vpns_hf.jobs.output import save_model
from vpns_hf.metrics import count_macs
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning import ChannelBudget, Channels, PerLayer, Pruner, channel_groups
from vpns_hf.pruning.criteria import ScoringContext, magnitude

from .step import resnet18
from .timing import alternate_times, ratio_row

SIDE = 224
PIXELS = (1, 3, SIDE, SIDE)
ZEROS = 0.9  # of every layer, for MNN
CALIBRATION = 256  # pictures
SECONDS_TO_FILES = 60  # that may pass


@torch.no_grad()
def benchmark_shrink(sparsity: float = 0.5, repeats: int = 15) -> list[dict]:
    """Times a ResNet-18 with channels really gone beside the dense one, 224 pixels, one picture, one thread; sizes in MB.

    Of each of its groups the same share of channels goes, by magnitude; the weights are random. Medians in milliseconds;
    the ratio of the multiplications is what a time can come to at best. MNN runs a network of all channels with 90% of zeros
    in every layer, beside its dense kernels.
    """
    check_mnn_installed()
    torch.set_num_threads(1)
    model = VPNsForImageClassification.from_backbone(resnet18(), image_size=SIDE)
    dense = model.to_backbone()
    Pruner(Channels(), ChannelBudget(PerLayer())).apply(model, magnitude(ScoringContext(model)), sparsity)
    thin = model.shrink(channel_groups(model))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_onnx = _in_onnx(thin, dense, folder, repeats)
        return [
            *(_macs(thin, dense), *_in_pytorch(thin, dense, repeats), *in_onnx),
            *(*_in_mnn(folder, repeats), _to_files(thin, folder)),
        ]


def _macs(thin: VPNsForImageClassification, dense: torch.nn.Module) -> dict:
    ours, reference = (count_macs(network, torch.zeros(PIXELS)).dense / 1e6 for network in (thin.backbone, dense))
    return _row("multiplications, half of the channels gone", ours, reference, "million")


def _row(name: str, ours: float, reference: float, unit: str) -> dict:
    return {"name": name, "ours": ours, "reference": reference, "ratio": ours / reference, "unit": unit}


def _in_pytorch(thin: VPNsForImageClassification, dense: torch.nn.Module, repeats: int) -> list[dict]:
    pixels = torch.rand(PIXELS, generator=torch.Generator().manual_seed(0))
    sides = [lambda: thin(pixels, prompted=False).logits, lambda: dense(thin.normalise(pixels)).logits]
    rows = [ratio_row("PyTorch, float32, beside dense", alternate_times(sides, repeats))]
    for network in (thin, dense):
        network.to(memory_format=torch.channels_last)
    rows.append(ratio_row("PyTorch, float32, channels-last, both", alternate_times(sides, repeats)))
    for network in (thin, dense):
        network.to(memory_format=torch.contiguous_format)
    return rows


def _in_onnx(thin: VPNsForImageClassification, dense: torch.nn.Module, folder: Path, repeats: int) -> list[dict]:
    sources = {"dense": Source(Backbone(dense, IMAGENET, SIDE)), "thin": folded(thin)}
    for name, source in sources.items():
        write_onnx(PixelClassifier(source, prompted=False), SIDE, folder / f"{name}.onnx", {})
    quantise(folder / "thin.onnx", folder / "int8.onnx", (batch.pixels for batch in check_pictures(SIDE)))
    rows = []
    for name, what in (("thin", "float32"), ("int8", "8 bits, beside dense in float32")):
        rows.append(
            ratio_row(f"ONNX Runtime, {what}", _timed(folder / f"{name}.onnx", folder / "dense.onnx", repeats))
        )
        sizes = [(folder / f"{file}.onnx").stat().st_size / 1e6 for file in (name, "dense")]
        rows.append(_row(f"file in ONNX, {what}", *sizes, "MB"))
    return rows


def _in_mnn(folder: Path, repeats: int) -> list[dict]:
    model = VPNsForImageClassification.from_backbone(resnet18(), image_size=SIDE)
    Pruner(budget=PerLayer()).apply(model, magnitude(ScoringContext(model)), ZEROS)
    write_onnx(PixelClassifier(folded(model), prompted=False), SIDE, folder / "zeros.onnx", {})
    paths = [folder / "sparse.mnn", folder / "dense.mnn"]
    for path in paths:
        write_mnn(folder / "zeros.onnx", path, skips_zeros=path.stem == "sparse")
    what = f"{ZEROS:.0%} of zeros in every layer, beside dense"
    sizes = [path.stat().st_size / 1e6 for path in paths]
    return [
        ratio_row(f"MNN, {what}", _alternating([mnn_session_of(path, 1) for path in paths], repeats)),
        _row(f"file for MNN, {what}", *sizes, "MB"),
    ]


def _to_files(thin: VPNsForImageClassification, folder: Path) -> dict:
    """Times what follows a finished job: its saved model read, written in float32 and 8 bits, and both checked."""
    save_model(thin, folder / "model")
    generator, labels = torch.Generator().manual_seed(0), torch.zeros(16, dtype=torch.int64)
    pictures = (torch.rand(16, *PIXELS[1:], generator=generator) for _ in range(CALIBRATION // 16))
    start = perf_counter()
    files = OnnxFiles(Batch(pixels, labels) for pixels in pictures)
    export_runnable(load_source(folder / "model"), files, folder / "exported")
    return _row("saved model to files in ONNX, beside what may pass", perf_counter() - start, SECONDS_TO_FILES, "s")


def _timed(ours: Path, reference: Path, repeats: int) -> list[list[float]]:
    return _alternating([session_of(path, 1) for path in (ours, reference)], repeats)


def _alternating(sides: list[Callable[[Tensor], Tensor]], repeats: int) -> list[list[float]]:
    pixels = torch.rand(PIXELS, generator=torch.Generator().manual_seed(0))
    return alternate_times([lambda call=call: call(pixels) for call in sides], repeats)
