"""A folder that a program without PyTorch can use: ONNX files, class names, image processor, and how to classify."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ..data import Batch
from ..models import class_names
from ..reporting import markdown_table, megabytes, percent
from .accuracy import Hits, count_hits
from .agreement import check_agreement
from .classifier import Classify, PixelClassifier, reference_of
from .folders import exported_folder
from .onnx import write_onnx
from .processors import unit_processor
from .quantization import quantise
from .runtime import session_of
from .sources import Source, in_float32

FLOAT32, INT8 = "model.onnx", "model_int8.onnx"
TEMPLATE = Path(__file__).with_name("readme.md")


@dataclass(frozen=True)
class ExportPictures:
    """Real pictures of the classes of a model.

    Attributes:
        name: what they are, such as "500 images, test split of digits".
        test: to measure on: batches on the CPU, each picture once.
        calibration: of training pictures, to take the ranges of 8-bit activations from; None for no 8-bit file.
    """

    name: str
    test: Iterable[Batch]
    calibration: Iterable[Batch] | None = None


@dataclass(frozen=True)
class OnnxExported:
    """What was written, for a reader.

    Attributes:
        source: the model.
        prompted: whether the visual prompt is part of the files.
        sizes: {ONNX file: bytes}.
        difference: the largest one of two logits, of the float32 file and of the model.
        pictures: what the counts are over; None without.
        of_model: counts of the model; None without pictures.
        of_files: {ONNX file: counts}.
    """

    source: Source
    prompted: bool
    sizes: dict[str, int]
    difference: float
    pictures: str | None
    of_model: Hits | None
    of_files: dict[str, Hits]

    def __str__(self) -> str:
        backbone = self.source.backbone
        files = ", ".join(f"{name} ({megabytes(size)})" for name, size in self.sizes.items())
        first = f"{type(backbone.model).__name__}, {backbone.model.config.num_labels} classes: {files}"
        return "\n\n".join([first, *self.notes()])

    def notes(self) -> list[str]:
        """Returns what was checked and measured, and what a reader has to know of the model, in paragraphs."""
        checked = (
            f"In ONNX Runtime the float32 file gives the logits of the model to {self.difference:.1g}, on noise and on "
            "pieces of a photograph, in batches of 1, 2 and 5."
        )
        caveats = [f"{line}." for line in self.source.caveats(self.prompted)]
        return [checked, *([] if self.of_model is None else [self._table()]), *caveats]

    def _table(self) -> str:
        rows = [["PyTorch, float32", percent(self.of_model.accuracy), "", ""]]
        rows += [
            [name, percent(hits.accuracy), percent(hits.agreement), megabytes(self.sizes[name])]
            for name, hits in self.of_files.items()
        ]
        table = markdown_table(["", "Accuracy", "Same class as PyTorch", "File"], rows, [False, True, True, True])
        return f"Measured on {self.pictures}:\n\n{table}"


def export_onnx(
    source: Source, folder: Path, *, prompted: bool = False, pictures: ExportPictures | None = None
) -> OnnxExported:
    """Writes a model in float32, and in 8 bits where there are pictures to calibrate on; the model stays as it is.

    Args:
        source: the model.
        folder: new or empty; it appears complete or not at all.
        prompted: whether the visual prompt becomes part of the files.
        pictures: to calibrate on, and to measure all files and the model on.

    Raises:
        InputError: if there is no prompt, the network cannot be written in ONNX, ONNX Runtime does not compute what the
            model does, or the disk refuses.
    """
    source = in_float32(source)
    with exported_folder(folder) as aside:
        expected = reference_of(source, prompted)
        files = _write_files(source, prompted, aside, pictures.calibration if pictures else None)
        difference = check_agreement(files[FLOAT32], expected, source.backbone.image_size)
        of_model, of_files = count_hits(expected, files, pictures.test) if pictures else (None, {})
        sizes = {name: (aside / name).stat().st_size for name in files}
        exported = OnnxExported(source, prompted, sizes, difference, pictures and pictures.name, of_model, of_files)
        _write_companions(exported, aside)
    return exported


def _write_files(
    source: Source, prompted: bool, folder: Path, calibration: Iterable[Batch] | None
) -> dict[str, Classify]:
    """Writes the ONNX files; returns what classifies by each."""
    side = source.backbone.image_size
    metadata = {
        "class_names": json.dumps(class_names(source.backbone.model.config)),
        "preprocessor_config": json.dumps(unit_processor(side).to_dict()),
    }
    write_onnx(PixelClassifier(source, prompted), side, folder / FLOAT32, metadata)
    names = [FLOAT32]
    if calibration is not None:
        quantise(folder / FLOAT32, folder / INT8, (batch.pixel_values for batch in calibration))
        names.append(INT8)
    return {name: session_of(folder / name) for name in names}


def _write_companions(exported: OnnxExported, folder: Path) -> None:
    backbone = exported.source.backbone
    labels = class_names(backbone.model.config)
    unit_processor(backbone.image_size).save_pretrained(folder)
    (folder / "labels.json").write_text(json.dumps(labels, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    text = template.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        network=type(backbone.model).__name__,
        files=" and ".join(f"`{name}`" for name in exported.sizes),
        best=list(exported.sizes)[-1],
        side=backbone.image_size,
        labels=labels,
        prompted=exported.prompted,
        notes="\n\n".join(exported.notes()),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
