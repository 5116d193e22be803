"""Identity label mapping: the backbone's first classes are the data set's, as after dense training or with a new head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .base import LabelMapping, check_enough_sources


class IdentityMapping(LabelMapping):
    """Target class t is read from source class t."""

    def fit(self, count_predictions: Callable[[], Tensor], num_source: int, num_target: int) -> Tensor:
        check_enough_sources(num_source, num_target)
        return torch.arange(num_target)
