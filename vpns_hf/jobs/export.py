"""A model written in ONNX or for MNN, calibrated and measured on a data set where one is given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import export
from ..data import EvalBatches, EvalTransform, ImageSource
from ..export import Source, check_mnn_installed, check_onnx_installed, free_folder, load_source
from ..hub import fetch_model
from ..models import class_names
from ..utils.public_names import public_name
from .evaluate import EvaluationImages, TrainedOn
from .output import MODEL_FOLDER

MEASURED_AT_ONCE, CALIBRATED_AT_ONCE = 32, 16  # images: a layer's activations of all of them are in memory


def export_in_onnx(
    model: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    revision: str | None = None,
    prompted: bool = False,
    images: EvaluationImages | None = None,
    int8: bool = False,
) -> export.RunnableExport:
    """Writes a model for ONNX Runtime, to a folder that appears complete or not at all.

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
    exported = _Exported.load(model, output_dir, revision, images)
    return exported.write(export.OnnxFiles(exported.calibration() if int8 else None), prompted)


def export_for_mnn(
    model: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    revision: str | None = None,
    prompted: bool = False,
    images: EvaluationImages | None = None,
) -> export.RunnableExport:
    """Writes a model for MNN, which skips the zeros of layers with many of them; arguments as of `export_in_onnx`.

    Raises:
        InputError: if the extra `mnn` is not installed, the model or the data cannot be used, they do not fit each other,
            the converter of MNN cannot translate the network, or MNN does not compute what the model does.
    """
    check_mnn_installed()
    return _Exported.load(model, output_dir, revision, images).write(export.MnnFiles(), prompted)


@dataclass(frozen=True)
class _Exported:
    """A model, its public name, the folder to write it to, and the images to measure on."""

    source: Source
    name: str
    folder: Path
    trained: TrainedOn
    images: EvaluationImages | None

    @classmethod
    def load(
        cls,
        model: str | os.PathLike,
        output_dir: str | os.PathLike,
        revision: str | None,
        images: EvaluationImages | None,
    ) -> _Exported:
        folder = free_folder(output_dir)
        source = load_source(model, revision)
        trained = TrainedOn() if source.pruned is None else TrainedOn.of(fetch_model(os.fspath(model), revision))
        return cls(source, _name(os.fspath(model)), folder, trained, images)

    def write(self, files: export.Files, prompted: bool) -> export.RunnableExport:
        told = {"name": self.name, "prompted": prompted, "pictures": self._pictures()}
        return export.export_runnable(self.source, files, self.folder, **told)

    def calibration(self) -> EvalBatches:
        return self._batches(self.images.open_calibration(*self._expected()), CALIBRATED_AT_ONCE)

    def _pictures(self) -> export.ExportPictures | None:
        if self.images is None:
            return None
        part, test = self.images.open(*self._expected())
        name = f"{len(test):,} images, {part.name} split of {public_name(self.images.dataset_name)}"
        return export.ExportPictures(name, self._batches(test, MEASURED_AT_ONCE))

    def _expected(self) -> tuple[int, list[str], TrainedOn]:
        backbone = self.source.backbone
        return backbone.image_size, class_names(backbone.model.config), self.trained

    def _batches(self, source: ImageSource, batch_size: int) -> EvalBatches:
        return EvalBatches(source, EvalTransform(self.source.backbone.image_size), batch_size=batch_size)


def _name(model: str) -> str:
    """Returns the public name of a model; for one of those of a job, with that of the job."""
    folder = Path(model).expanduser().resolve()
    is_of_a_job = folder.is_dir() and MODEL_FOLDER.fullmatch(folder.name) is not None
    return f"./{folder.parent.name}/{folder.name}" if is_of_a_job else public_name(model)
