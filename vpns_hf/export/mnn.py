"""One classifier as one file of MNN, made of its ONNX file by MNN's converter; and such a file, run by MNN on the CPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .classifier import Classify
from .onnx import INPUT, OUTPUT

# What the command `mnnconvert` calls. The command itself also installs a package by pip and reports each conversion over the network.
CONVERTER = "import sys, _tools; _tools.mnnconvert(sys.argv)"
FOR_ZEROS = "--detectSparseSpeedUp"
COMPLAINT = re.compile(r"error|fail|not support", re.IGNORECASE)
TIME_AND_LINE = re.compile(r"^\[[\d:]+\] :\d+: ")


def write_mnn(source: Path, path: Path, *, skips_zeros: bool = False) -> None:
    """Writes an ONNX file as MNN reads it.

    Args:
        source: the ONNX file, of `write_onnx`.
        path: of the new one.
        skips_zeros: whether layers with more than 60% of zeros keep only their other weights, and are computed by kernels
            that skip the zeros; other layers are as without.

    Raises:
        InputError: if the converter of MNN cannot translate the network.
    """
    files = ["--modelFile", str(source.resolve()), "--MNNModel", str(path.resolve())]
    options = ["-f", "ONNX", "--bizCode", "vpns", *([FOR_ZEROS] if skips_zeros else [])]
    ended = subprocess.run(  # of its own, since it writes to the terminal, and may crash
        [sys.executable, "-c", CONVERTER, *options, *files],
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode or not path.is_file():  # it ends with 0 where it fails, too
        raise InputError(f"MNN's converter cannot write this network ({_said(ended.stdout)}); give --onnx instead")


def mnn_session_of(path: Path, threads: int | None = None) -> Classify:
    """Returns what classifies batches of any size by a file.

    Args:
        path: of the file.
        threads: of MNN; as many as torch uses if not given.
    """
    with _silenced():
        from MNN import expr, nn

        runtime = nn.create_runtime_manager(({"backend": "CPU", "numThread": threads or torch.get_num_threads()},))
        network = nn.load_module_from_file(str(path), [INPUT], [OUTPUT], runtime_manager=runtime)

    def classify(pixels: Tensor) -> Tensor:
        given = expr.const(pixels.contiguous().numpy(), list(pixels.shape), expr.NCHW, expr.float)
        return torch.from_numpy(np.array(network.forward(given).read()))

    return classify


def _said(output: str) -> str:
    """Returns what the converter complains of, in a line."""
    lines = [TIME_AND_LINE.sub("", line).strip() for line in output.splitlines() if line.strip()]
    return "; ".join([line for line in lines if COMPLAINT.search(line)] or lines[-1:]) or "it says nothing"


@contextmanager
def _silenced() -> Iterator[None]:
    """Keeps off the terminal what MNN writes to the standard output as it starts: which instructions the CPU has."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
