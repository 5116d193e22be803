"""Random label mapping: a seeded choice of source classes, a baseline for the fitted ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .base import LabelMapping, check_enough_sources


class RandomMapping(LabelMapping):
    """The first entries of a permutation of the source classes that `seed` determines."""

    def fit(self, count_predictions: Callable[[], Tensor], num_source: int, num_target: int) -> Tensor:
        check_enough_sources(num_source, num_target)
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randperm(num_source, generator=generator)[:num_target]
