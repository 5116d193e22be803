"""How often files, and the model they were made from, name the right class of real pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ..data import Batch
from .classifier import Classify


@dataclass
class Hits:
    """Counts over the same pictures.

    Attributes:
        images: how many were shown.
        correct: of them, those whose class was ranked first.
        same: those for which the class ranked first is that of the model.
    """

    images: int = 0
    correct: int = 0
    same: int = 0

    def add(self, answers: Tensor, labels: Tensor, expected: Tensor) -> None:
        """Counts a batch of classes, int64 (B,): those that were answered, the right ones, and those of the model."""
        self.images += len(labels)
        self.correct += int((answers == labels).sum())
        self.same += int((answers == expected).sum())

    @property
    def accuracy(self) -> float:
        """Of the class ranked first, in [0, 1]."""
        return self.correct / self.images

    @property
    def agreement(self) -> float:
        """The share of pictures of which the model says the same, in [0, 1]."""
        return self.same / self.images


def count_hits(
    model: Classify, files: Mapping[str, Classify], batches: Iterable[Batch]
) -> tuple[Hits, dict[str, Hits]]:
    """Shows the same pictures to a model and to files made from it.

    Args:
        model: that was exported.
        files: {name: file}.
        batches: on the CPU, each picture once, at least one.

    Returns:
        The counts of the model, and those of each file.
    """
    of_model, of_files = Hits(), {name: Hits() for name in files}
    for batch in batches:
        expected = model(batch.pixel_values).argmax(1)
        of_model.add(expected, batch.labels, expected)
        for name, classify in files.items():
            of_files[name].add(classify(batch.pixel_values).argmax(1), batch.labels, expected)
    return of_model, of_files
