"""What every label mapping is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

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
    def fit(self, count_predictions: Callable[[], Tensor], num_source: int, num_target: int) -> Tensor:
        """Returns (num_target,) int64, the source class of each target class.

        Args:
            count_predictions: counts, when called, how many training images of target class t have the arg-max
                source class s, as (num_source, num_target) int64; a pass over the training images.
            num_source: number of classes of the backbone.
            num_target: number of classes of the data set, at most `num_source`.
        """


def check_enough_sources(num_source: int, num_target: int) -> None:
    """Raises ValueError if there are more target than source classes."""
    if num_target > num_source:
        raise ValueError(f"{num_target} target classes cannot be mapped one to one to {num_source} source classes")
