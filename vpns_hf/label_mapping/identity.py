"""Identity label mapping: the backbone's first classes are the data set's, as after dense training or with a new head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ..errors import InputError
from .base import LabelMapping
from .names import comparable


class IdentityMapping(LabelMapping):
    """Target class t is read from source class t."""

    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        return self.start(source, target)

    def check(self, source: Sequence[str], target: Sequence[str]) -> None:
        """Raises InputError where a class is called otherwise than the one it would be read from, and another is not."""
        sources, targets = comparable(source, target)
        for name, position, key, place in zip(target, source, targets, sources, strict=False):
            if key != place and key in sources:
                raise InputError(
                    f"label_mapping identity goes by position: the class {name!r} would be read from the {position!r} of "
                    f"the backbone, which has a {name!r} too; give --label_mapping auto, or name"
                )
