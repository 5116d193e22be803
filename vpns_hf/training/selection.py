"""Which epoch's weights a run keeps."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..models import VPNsForImageClassification
from ..reporting import ViewAccuracy

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SelectedEpoch:
    """Which epoch of a stage was kept.

    Attributes:
        epoch: counted from 1; None where the stage had none.
        validation: its accuracy on the validation split, if measured.
    """

    epoch: int | None = None
    validation: ViewAccuracy | None = None

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> SelectedEpoch:
        """Reads what `dataclasses.asdict` made of one."""
        validation = given["validation"]
        return cls(given["epoch"], None if validation is None else ViewAccuracy(**validation))


class EpochSelection(ABC):
    """Decides from which epoch of a stage the model goes on.

    Attributes:
        epoch: the epoch that was kept, counted from 1; None before any was seen.
        validation: its accuracy on the validation split, if measured.
    """

    def __init__(self) -> None:
        self.epoch: int | None = None
        self.validation: ViewAccuracy | None = None

    @abstractmethod
    def consider(self, model: VPNsForImageClassification, epoch: int, validation: ViewAccuracy | None) -> None:
        """Looks at the model after an epoch."""

    @abstractmethod
    def restore(self, model: VPNsForImageClassification) -> None:
        """Brings the model to the state of the epoch that was kept."""

    @property
    def selected(self) -> SelectedEpoch:
        """The epoch that was kept."""
        return SelectedEpoch(self.epoch, self.validation)

    def state_dict(self) -> dict[str, Any]:
        """Returns what is remembered, as tensors and plain values."""
        return {"epoch": self.epoch, "validation": None if self.validation is None else vars(self.validation)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remembers what `state_dict` returned."""
        self.epoch = state["epoch"]
        self.validation = None if state["validation"] is None else ViewAccuracy(**state["validation"])


class BestOnValidation(EpochSelection):
    """Keeps the epoch with the highest validation accuracy in either view; of equals the last, which annealed most.

    The test split takes no part. A copy of the state stays in main memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self._state: dict[str, Tensor] = {}

    def consider(self, model: VPNsForImageClassification, epoch: int, validation: ViewAccuracy | None) -> None:
        if validation is None:
            raise ValueError("no validation accuracy to select an epoch by; evaluate the validation split")
        if self.validation is None or best_view(validation) >= best_view(self.validation):
            self.epoch, self.validation = epoch, validation
            self._state = {key: value.detach().to("cpu", copy=True) for key, value in model.state_dict().items()}

    def restore(self, model: VPNsForImageClassification) -> None:
        if self._state:
            model.load_state_dict(self._state)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "model": self._state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._state = dict(state["model"])


class LastEpoch(EpochSelection):
    """Keeps the last epoch, as the paper does; no validation split is needed."""

    def consider(self, model: VPNsForImageClassification, epoch: int, validation: ViewAccuracy | None) -> None:
        self.epoch, self.validation = epoch, validation

    def restore(self, model: VPNsForImageClassification) -> None:
        """The model already is in that state."""


def best_view(accuracy: ViewAccuracy) -> float:
    """Returns the higher of the two accuracies, in [0, 1]."""
    return max(value for value in (accuracy.prompted, accuracy.plain) if value is not None)
