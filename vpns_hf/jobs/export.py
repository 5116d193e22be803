"""A model written in ONNX, calibrated and measured on a data set where one is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .. import export
from ..data import EvalBatches, EvalTransform, ImageSource
from ..export import Source, check_onnx_installed, free_folder, load_source
from ..hub import fetch_model
from ..models import class_names
from ..utils.public_names import public_name
from .evaluate import EvaluationImages

MEASURED_AT_ONCE, CALIBRATED_AT_ONCE = 32, 16  # images: a layer's activations of all of them are in memory


def export_in_onnx(
    model: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    revision: str | None = None,
    prompted: bool = False,
    images: EvaluationImages | None = None,
    int8: bool = False,
) -> export.OnnxExported:
    """Writes a model for programs without PyTorch, to a folder that appears complete or not at all.

    Args:
        model: a pruned model (folder or Hub id), or whatever `load_backbone` takes.
        output_dir: a folder that is new or empty.
        revision: branch, tag or commit on the Hub.
        prompted: whether the visual prompt becomes part of the files.
        images: to measure the accuracy of all files and of the model on; None for none.
        int8: whether to write a file of 8 bits too, calibrated on training images of the same data set.

    Raises:
        InputError: if the extra `onnx` is not installed, the model or the data cannot be used, they do not fit each other,
            or ONNX Runtime does not compute what the model does.
    """
    check_onnx_installed()
    folder = free_folder(output_dir)
    source = load_source(model, revision)
    recipe = {} if source.pruned is None else fetch_model(os.fspath(model), revision).recipe()
    pictures = None if images is None else _pictures(source, images, recipe, int8)
    return export.export_onnx(source, folder, prompted=prompted, pictures=pictures)


def _pictures(
    source: Source, images: EvaluationImages, recipe: Mapping[str, Any], int8: bool
) -> export.ExportPictures:
    side, names = source.backbone.image_size, class_names(source.backbone.model.config)
    part, test = images.open(side, names, recipe)
    calibration = images.open_calibration(side, names, recipe) if int8 else None
    return export.ExportPictures(
        f"{len(test):,} images, {part.name} split of {public_name(images.dataset_name)}",
        _batches(test, side, MEASURED_AT_ONCE),
        None if calibration is None else _batches(calibration, side, CALIBRATED_AT_ONCE),
    )


def _batches(source: ImageSource, side: int, batch_size: int) -> EvalBatches:
    return EvalBatches(source, EvalTransform(side), batch_size=batch_size)
