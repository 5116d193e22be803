"""ONNX files run by ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from .classifier import Classify
from .onnx import INPUT

ERRORS_ONLY = 3


def session_of(path: Path, threads: int | None = None) -> Classify:
    """Returns what classifies batches of any size by a file.

    Args:
        path: of the file.
        threads: of ONNX Runtime; as many as torch uses if not given.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def classify(pixels: Tensor) -> Tensor:
        [logits] = session.run(None, {INPUT: pixels.contiguous().numpy()})
        return torch.from_numpy(logits)

    return classify
