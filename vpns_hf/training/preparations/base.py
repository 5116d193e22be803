"""What changes how a network computes during a training stage, without changing what."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ...models import VPNsForImageClassification


class Preparation(ABC):
    """Applied to the model before a training stage, and undone after it."""

    @abstractmethod
    def apply(self, model: VPNsForImageClassification) -> None:
        """Changes how the model computes, in place."""

    @abstractmethod
    def undo(self, model: VPNsForImageClassification) -> None:
        """Changes the model back, in place."""
