"""Random label mapping: a seeded choice of source classes, a baseline for the fitted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .base import LabelMapping, check_enough_sources, no_predictions


class RandomMapping(LabelMapping):
    """The first entries of a permutation of the source classes that `seed` determines."""

    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        check_enough_sources(len(source), len(target))
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randperm(len(source), generator=generator)[: len(target)]

    def start(self, source: Sequence[str], target: Sequence[str]) -> Tensor:
        return self.fit(no_predictions, source, target)
