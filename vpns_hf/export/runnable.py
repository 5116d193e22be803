"""A folder that a program without PyTorch can use: files of one library, class names, image processor, how to classify."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from jinja2 import Environment, StrictUndefined

from ..data import Batch
from ..models import class_names
from ..reporting import markdown_table, megabytes, percent
from .accuracy import Hits, count_hits
from .agreement import check_agreement
from .classifier import Classify, Library, reference_of
from .folders import exported_folder
from .processors import unit_processor
from .sources import Source, in_float32

TEMPLATE = Path(__file__).with_name("readme.md")


@dataclass(frozen=True)
class ExportPictures:
    """Real pictures of the classes of a model.

    Attributes:
        name: what they are, such as "500 images, test split of digits".
        test: to measure on: batches on the CPU, each picture once.
    """

    name: str
    test: Iterable[Batch]


@dataclass(frozen=True)
class Written:
    """Files of one library.

    Attributes:
        files: {name: what classifies by it}.
        exact: names of those that have to give the logits of the model, in float32.
        best: name of the one for a program to take.
        remarks: what was found of them, in paragraphs.
    """

    files: Mapping[str, Classify]
    exact: Sequence[str]
    best: str
    remarks: Sequence[str] = ()


class Files(Protocol):
    """The files that one library runs.

    Attributes:
        library: that runs them.
    """

    library: ClassVar[Library]

    def write(self, source: Source, prompted: bool, folder: Path) -> Written:
        """Writes a model in float32.

        Args:
            source: the model.
            prompted: whether the visual prompt becomes part of the files.
            folder: to write to.

        Raises:
            InputError: if there is no prompt, or the network cannot be written.
        """
        ...


@dataclass(frozen=True)
class RunnableExport:
    """What was written, for a reader.

    Attributes:
        source: the model.
        name: of it, as a heading; None for the class of the network.
        prompted: whether the visual prompt is part of the files.
        library: that runs them.
        written: the files.
        sizes: {file: bytes}.
        difference: the largest one of two logits, of a file in float32 and of the model.
        pictures: what the counts are over; None without.
        of_model: counts of the model; None without pictures.
        of_files: {file: counts}.
    """

    source: Source
    name: str | None
    prompted: bool
    library: Library
    written: Written
    sizes: Mapping[str, int]
    difference: float
    pictures: str | None
    of_model: Hits | None
    of_files: Mapping[str, Hits]

    def __str__(self) -> str:
        backbone = self.source.backbone
        files = ", ".join(f"{name} ({megabytes(size)})" for name, size in self.sizes.items())
        first = f"{type(backbone.model).__name__}, {backbone.model.config.num_labels} classes: {files}"
        if self.prompted:
            first += f"; the visual prompt is part of {'it' if len(self.sizes) == 1 else 'them'}"
        return "\n\n".join([first, *self.notes()])

    def notes(self) -> list[str]:
        """Returns what was checked and measured, and what a reader has to know of the model, in paragraphs."""
        exact = " and ".join(self.written.exact)
        gives = "gives" if len(self.written.exact) == 1 else "give"
        checked = (
            f"In {self.library.name} {exact} {gives} the logits of the model to {self.difference:.1g}, on noise and on "
            "pieces of a photograph, in batches of 1, 2 and 5."
        )
        caveats = [f"{line}." for line in self.source.caveats(self.prompted)]
        return [checked, *([] if self.of_model is None else [self._table()]), *self.written.remarks, *caveats]

    def _table(self) -> str:
        rows = [["PyTorch, float32", percent(self.of_model.accuracy), "", ""]]
        rows += [
            [name, percent(hits.accuracy), percent(hits.agreement), megabytes(self.sizes[name])]
            for name, hits in self.of_files.items()
        ]
        table = markdown_table(["", "Accuracy", "Same class as PyTorch", "File"], rows, [False, True, True, True])
        return f"Measured on {self.pictures}:\n\n{table}"


def export_runnable(
    source: Source,
    files: Files,
    folder: Path,
    *,
    name: str | None = None,
    prompted: bool = False,
    pictures: ExportPictures | None = None,
) -> RunnableExport:
    """Writes a model for programs without PyTorch; the model stays as it is.

    Args:
        source: the model.
        files: what to write.
        folder: new or empty; it appears complete or not at all.
        name: of the model, the heading of what is written; the class of the network if not given.
        prompted: whether the visual prompt becomes part of the files.
        pictures: to measure all files and the model on.

    Raises:
        InputError: if there is no prompt, the network cannot be written, a file does not compute what the model does, or
            the disk refuses.
    """
    source = in_float32(source)
    with exported_folder(folder) as aside:
        expected = reference_of(source, prompted)
        written = files.write(source, prompted, aside)
        side = source.backbone.image_size
        difference = max(check_agreement(written.files[file], expected, side, files.library) for file in written.exact)
        of_model, of_files = count_hits(expected, written.files, pictures.test) if pictures else (None, {})
        sizes = {file: (aside / file).stat().st_size for file in written.files}
        measured = (sizes, difference, pictures and pictures.name, of_model, of_files)
        exported = RunnableExport(source, name, prompted, files.library, written, *measured)
        _write_companions(exported, aside)
    return exported


def _write_companions(exported: RunnableExport, folder: Path) -> None:
    backbone = exported.source.backbone
    labels = class_names(backbone.model.config)
    unit_processor(backbone.image_size).save_pretrained(folder)
    (folder / "labels.json").write_text(json.dumps(labels, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    text = template.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=exported.name or type(backbone.model).__name__,
        network=type(backbone.model).__name__,
        library=exported.library,
        files=" and ".join(f"`{name}`" for name in exported.sizes),
        best=exported.written.best,
        side=backbone.image_size,
        labels=labels,
        prompted=exported.prompted,
        notes="\n\n".join(exported.notes()),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
