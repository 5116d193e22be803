"""What every label mapping is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor


class LabelMapping(ABC):
    """Assigns one source class to each target class, no source class twice.

    Attributes:
        repeats: whether the mapping is fitted again while the mask is being searched.
    """

    repeats: ClassVar[bool] = False

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        """Returns (num_target,) int64, the source class of each target class.

        Args:
            count_predictions: counts, when called, how many training images of target class t have the arg-max
                source class s, as (num_source, num_target) int64; a pass over the training images.
            source: names of the classes of the backbone, in the order of its logits; two may have the same.
            target: names of the classes of the data set, at most as many.
        """

    def chosen(self, source: Sequence[str], target: Sequence[str]) -> LabelMapping:
        """Returns the mapping that is meant for these classes: this one, where it leaves no choice."""
        return self

    def check(self, source: Sequence[str], target: Sequence[str]) -> None:  # noqa: B027 (most have nothing to object to)
        """Looks at the classes before anything is trained; of a backbone that knows its classes already.

        Raises:
            InputError: if their names say that the mapping would be wrong.
        """

    def start(self, source: Sequence[str], target: Sequence[str]) -> Tensor:
        """Returns the mapping to begin with, by which a dense model is trained before the mapping is fitted."""
        check_enough_sources(len(source), len(target))
        return torch.arange(len(target))


def check_enough_sources(num_source: int, num_target: int) -> None:
    """Raises ValueError if there are more target than source classes."""
    if num_target > num_source:
        raise ValueError(f"{num_target} target classes cannot be mapped one to one to {num_source} source classes")


def no_predictions() -> Tensor:
    """Stands for a pass over the images where a mapping needs none."""
    raise AssertionError("this mapping needs no pass over the images")
