"""What was measured of one saved model on one split of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..utils.public_names import is_same_name
from .markdown import markdown_table
from .numbers import count, megabytes, milliseconds, operations, percent
from .records import CostRecord, Record, ViewAccuracy

MACS_TITLE = "MACs for one picture; pruned: those with a non-zero weight"


@dataclass(frozen=True)
class ModelEvaluation(Record):
    """The measured figures of a saved model.

    Attributes:
        dataset: as it was named.
        split: of the data set.
        images: how many the accuracies are counted over.
        accuracy: top-1.
        top5: top-5; None of five classes or fewer, where it is always 1.
        prompt_at_inference: whether the model applies its prompt when not told otherwise.
        nonzero: prunable weights kept.
        total: prunable weights.
        size: of the weights on disk, in bytes.
        cost: operations, latency, and the size of the stock network.
        command: the command line that measured them.
        date: the day they were measured on, such as 2026-01-31.
        versions: version of each package that has a part in them.
    """

    dataset: str
    split: str
    images: int
    accuracy: ViewAccuracy
    top5: ViewAccuracy
    prompt_at_inference: bool
    nonzero: int
    total: int
    size: int
    cost: CostRecord
    command: str | None = None
    date: str | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def sparsity(self) -> float:
        """The fraction of prunable weights removed, counted from the masks."""
        return 1 - self.nonzero / self.total

    def is_of(self, dataset: str, split: str) -> bool:
        """Returns whether the accuracies are of that split of that data set."""
        return is_same_name(self.dataset, dataset) and self.split == split

    @property
    def has_prompt(self) -> bool:
        """Whether the model has a visual prompt, and so two views."""
        return self.accuracy.prompted is not None

    @property
    def _title(self) -> str:
        """Of the column of this model."""
        return "Pruned" if self.nonzero < self.total else "This model"

    def __str__(self) -> str:
        view = "with" if self.prompt_at_inference else "without"
        applied = f" By default the model is applied {view} the prompt." if self.has_prompt else ""
        place = f"{count(self.images)} images, {self.split} split of {self.dataset}."
        return "\n\n".join([f"{place}{applied}", self.accuracy_table(), self.figures_table()])

    def accuracy_table(self) -> str:
        """Returns a table of the accuracies of both views; of the one there is without a prompt."""
        kinds = {"Top-1 accuracy": self.accuracy, **({"Top-5 accuracy": self.top5} if self.top5.is_measured else {})}
        if not self.has_prompt:
            return markdown_table(
                ["", self._title], [[name, percent(of.plain)] for name, of in kinds.items()], [False, True]
            )
        rows = [[name, percent(values.prompted), percent(values.plain)] for name, values in kinds.items()]
        return markdown_table(["", "With the prompt", "Without"], rows, [False, True, True])

    def figures_table(self) -> str:
        """Returns a table of everything else, beside the dense network."""
        cost = self.cost
        rows = [
            ["Sparsity", "", percent(self.sparsity)],
            ["Prunable weights kept", count(self.total), count(self.nonzero)],
            [MACS_TITLE, operations(cost.macs), operations(cost.macs_nonzero, cost.macs_kept)],
            ["Size of the weights on disk", megabytes(cost.dense_bytes), megabytes(self.size)],
            [latency_title(cost), milliseconds(cost.dense_milliseconds), milliseconds(cost.milliseconds)],
        ]
        return markdown_table(["", "Dense", self._title], rows, [False, True, True])


def latency_title(cost: CostRecord) -> str:
    """Returns what a latency is the latency of: "Latency (batch of 1, float32, CPU X, 2 threads)"."""
    if cost.milliseconds is None:
        return "Latency"
    return f"Latency (batch of {cost.batch_size}, {cost.dtype}, {cost.device})"
