"""An ONNX file with weights and activations of 8 bits, by ONNX Runtime's own tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from .onnx import INPUT


class Calibration(CalibrationDataReader):
    """Batches of pixels, float32 (B, 3, I, I) in [0, 1], as the quantiser asks for them."""

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self._batches: Iterator[Tensor] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {INPUT: pixels.contiguous().numpy()}


def quantise(source: Path, target: Path, batches: Iterable[Tensor]) -> None:
    """Writes a float32 file anew: static, QDQ, signed weights per output channel, unsigned activations per tensor.

    Signed weights are symmetric (zero point 0), so one that is 0 stays exactly 0. Unsigned activations are what CPUs
    multiply by signed weights at full speed.

    Args:
        source: the float32 file.
        target: of the new one.
        batches: pictures to take the ranges of the activations from.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "model.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)  # the exporter knows all shapes
        quantize_static(
            prepared,
            target,
            Calibration(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
