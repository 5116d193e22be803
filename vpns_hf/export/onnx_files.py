"""The files that ONNX Runtime reads: in float32, and in 8 bits where there are pictures to calibrate on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..data import Batch
from ..models import class_names
from .agreement import check_classes
from .classifier import ONNX_RUNTIME, Classify, PixelClassifier, reference_of
from .onnx import session_of, write_onnx
from .processors import unit_processor
from .quantization import quantise
from .runnable import Written
from .sources import Source

FLOAT32, INT8 = "model.onnx", "model_int8.onnx"


class OnnxFiles:
    """`model.onnx`, and `model_int8.onnx` where there are pictures to calibrate on.

    Args:
        calibration: batches of training pictures to take the ranges of 8-bit activations from; None for no 8-bit file.
    """

    library = ONNX_RUNTIME

    def __init__(self, calibration: Iterable[Batch] | None = None) -> None:
        self._calibration = calibration

    def write(self, source: Source, prompted: bool, folder: Path) -> Written:
        """As in `Files`."""
        side = source.backbone.image_size
        metadata = {
            "class_names": json.dumps(class_names(source.backbone.model.config)),
            "preprocessor_config": json.dumps(unit_processor(side).to_dict()),
        }
        write_onnx(PixelClassifier(source, prompted), side, folder / FLOAT32, metadata)
        files, remarks = {FLOAT32: session_of(folder / FLOAT32)}, []
        if self._calibration is not None:
            quantise(folder / FLOAT32, folder / INT8, (batch.pixel_values for batch in self._calibration))
            files[INT8] = session_of(folder / INT8)
            remarks.append(_of_classes(files[INT8], reference_of(source, prompted), side))
        return Written(files, [FLOAT32], list(files)[-1], remarks)


def _of_classes(found: Classify, expected: Classify, side: int) -> str:
    """Returns what the classes of the file of 8 bits are found to be, in a sentence."""
    same, images = check_classes(found, expected, side, ONNX_RUNTIME)
    return (
        f"{INT8} gives a picture the same class alone and in batches of 2 and 5; of {images} pieces of a photograph {same} get "
        "the class of the model."
    )
