"""One classifier as one ONNX file, for batches of any size; and such a file, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import onnxruntime
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor

from ..errors import InputError
from ..utils.text import first_line
from .classifier import Classify, PixelClassifier

INPUT, OUTPUT = "pixel_values", "logits"
EXAMPLES = 2  # a batch of one would be taken for a constant
ERRORS_ONLY = 3


def write_onnx(classifier: PixelClassifier, image_size: int, path: Path, metadata: Mapping[str, str]) -> None:
    """Writes a classifier in float32; input `pixel_values` (batch, 3, I, I) in [0, 1], output `logits` (batch, C).

    Args:
        classifier: in evaluation mode.
        image_size: I, in pixels.
        path: of the file.
        metadata: names and values that the file carries along.

    Raises:
        InputError: if the exporter of PyTorch cannot translate the network.
    """
    pixels = torch.rand(EXAMPLES, 3, image_size, image_size)
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                classifier,
                (pixels,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        network = type(classifier.network).__name__
        raise InputError(
            f"PyTorch's exporter cannot write a {network} in ONNX ({first_line(error)}); give a --layout instead"
        ) from error
    ClearMetadataAndDocStringPass()(program.model)  # stack traces, with the folders of this machine
    program.model.metadata_props.update(metadata)
    program.save(path)


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


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Leaves out what the exporter warns of: versions of its own parts, and operators of libraries that are not installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
