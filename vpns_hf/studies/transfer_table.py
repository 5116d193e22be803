"""The matrix of subnetworks and data sets, as tables and a heat map."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..hub import dataset_name
from ..reporting import markdown_table, percent, short_percent
from ..reporting.plots import heat_map, save_png
from ..utils.files import one_line_refusals, write_file

FOUND, RANDOM, OMP, DENSE = "found", "random", "omp", "dense"
NOT_YET = "not made"
FILES = TEXT, TABLE, ENTRIES, PICTURE = "transfer.md", "transfer.csv", "transfer.json", "plots/transfer.png"


@dataclass(frozen=True)
class Entry:
    """A model on a data set.

    Attributes:
        mask: found, random, omp or dense.
        source: the data set that the mask, or the number of weights in each layer, comes from; None where it has none.
        target: the data set it is fine-tuned and tested on.
        accuracy: top-1 in the view that its validation split chose, in [0, 1]; of the dense model without a prompt.
        sparsity: in [0, 1).
        passes: over the training images of the target.
        job: name of its folder.
    """

    mask: str
    source: str | None
    target: str
    accuracy: float | None
    sparsity: float
    passes: float | None
    job: str


@dataclass(frozen=True)
class Matrix:
    """Accuracies by mask and target.

    Attributes:
        sources: in the order of the rows.
        targets: in the order of the columns.
        entries: that are known.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    entries: tuple[Entry, ...]

    def rows(self) -> dict[str, list[float | None]]:
        """Returns {what the mask is: accuracy on each target, in [0, 1]}."""
        rows = {f"found on {dataset_name(source)}": self._row(FOUND, source) for source in self.sources}
        rows["found on the target"] = [self._at(FOUND, target, target) for target in self.targets]
        for source in self.sources:
            rows[f"random, layers as on {dataset_name(source)}"] = self._row(RANDOM, source)
        return {**rows, "OMP of the dense network": self._row(OMP, None), "dense": self._row(DENSE, None)}

    def _row(self, mask: str, source: str | None) -> list[float | None]:
        return [self._at(mask, source, target) for target in self.targets]

    def _at(self, mask: str, source: str | None, target: str) -> float | None:
        found = [one for one in self.entries if (one.mask, one.source, one.target) == (mask, source, target)]
        return found[0].accuracy if found else None

    def __str__(self) -> str:
        header = ["Mask", *map(dataset_name, self.targets)]
        rows = [
            [what, *(NOT_YET if one is None else percent(one) for one in row)] for what, row in self.rows().items()
        ]
        return markdown_table(header, rows, [False, *[True] * len(self.targets)])

    def write(self, folder: Path) -> None:
        """Writes transfer.md, transfer.csv, transfer.json and plots/transfer.png.

        Raises:
            InputError: if the disk refuses.
        """
        with one_line_refusals(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_file(folder / TEXT, f"{self._introduction()}\n\n{self}\n\n![Accuracy]({PICTURE})\n")
            write_file(folder / TABLE, self._csv())
            entries = [asdict(entry) for entry in self.entries]
            write_file(folder / ENTRIES, json.dumps({"entries": entries}, indent=1) + "\n")
            figure = heat_map(self.rows(), [dataset_name(target) for target in self.targets], "Top-1 accuracy, %")
            save_png(figure, folder / PICTURE)

    def _introduction(self) -> str:
        sparsities = sorted({short_percent(round(one.sparsity, 3)) for one in self.entries if one.mask != DENSE})
        passes = sorted({one.passes for one in self.entries if one.passes is not None})
        told = [f"{each:g}" for each in passes]
        return (
            f"Top-1 accuracy on the test images of each column, at {', '.join(sparsities) or 'no'} sparsity, after "
            f"{', '.join(told) or 'no'} passes over the training images of the column; `{NOT_YET}` also where a row is another one. A mask that was found "
            "elsewhere took its search there, which is not among the passes: all of them tune it."
        )

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(Entry)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in self.entries)
        return text.getvalue()
