"""The models a job has saved, by sparsity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...errors import InputError
from ...models import VPNsForImageClassification
from ...reporting import sparsity_name


class NotTrainedError(InputError, KeyError):
    """No model of the sparsity asked for; a KeyError too, as of every mapping. Its text stays the one line."""

    __str__ = ValueError.__str__


class SavedModels(Mapping[float, VPNsForImageClassification]):
    """Loads the model of a requested sparsity from its folder when it is asked for; keeps none in memory.

    Raises:
        NotTrainedError: if no model of that sparsity has been saved; the message lists those that have.
    """

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self._sparsities: list[float] = []

    def add(self, sparsity: float) -> None:
        """Makes the saved model of `sparsity` known."""
        self._sparsities.append(sparsity)

    def folder(self, sparsity: float) -> Path:
        """Returns the folder of the model of a requested sparsity."""
        return self.output_dir / sparsity_name(sparsity)

    def __getitem__(self, sparsity: float) -> VPNsForImageClassification:
        if sparsity not in self:
            known = ", ".join(f"{known:g}" for known in self._sparsities) or "none yet: call train() first"
            raise NotTrainedError(f"no model of sparsity {sparsity} has been trained; there are: {known}")
        return VPNsForImageClassification.from_pretrained(self.folder(sparsity))

    def __contains__(self, sparsity: object) -> bool:
        """Returns whether a model of a requested sparsity has been saved; loads none."""
        return sparsity in self._sparsities

    def __iter__(self) -> Iterator[float]:
        return iter(self._sparsities)

    def __len__(self) -> int:
        return len(self._sparsities)
