"""Label mapping by name: each target class is read from the source class of the same name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ..errors import InputError
from .base import LabelMapping, no_predictions
from .frequency import FrequencyMapping
from .identity import IdentityMapping
from .names import are_unnamed, comparable, have_same_names, namesakes

logger = logging.getLogger(__name__)


class NameMapping(LabelMapping):
    """Target class t is read from the one source class that has its name."""

    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        """Returns (num_target,) int64.

        Raises:
            InputError: if a target class has no namesake, or several.
        """
        found = namesakes(source, target)
        lost = [name for index, name in enumerate(target) if index not in found]
        if lost:
            raise InputError(
                f"label_mapping is name, but {len(lost)} of {len(target)} classes, such as {lost[0]!r}, have no class of "
                "the backbone, or several, of their name; give --label_mapping auto or frequency"
            )
        return torch.tensor([found[index] for index in range(len(target))])

    def start(self, source: Sequence[str], target: Sequence[str]) -> Tensor:
        return self.fit(no_predictions, source, target)


class AutoMapping(LabelMapping):
    """By name where both sides have the same names, by frequency otherwise."""

    otherwise: ClassVar[type[LabelMapping]] = FrequencyMapping

    def fit(self, count_predictions: Callable[[], Tensor], source: Sequence[str], target: Sequence[str]) -> Tensor:
        return self.chosen(source, target).fit(count_predictions, source, target)

    def chosen(self, source: Sequence[str], target: Sequence[str]) -> LabelMapping:
        return (NameMapping if have_same_names(source, target) else self.otherwise)(self.seed)

    def start(self, source: Sequence[str], target: Sequence[str]) -> Tensor:
        return self.chosen(source, target).start(source, target)

    def check(self, source: Sequence[str], target: Sequence[str]) -> None:
        """Warns where only some names are the same, and where nameless classes may be these very ones."""
        if are_unnamed(source) and len(source) == len(target) and list(source) != list(target):
            logger.warning(
                "the %d classes of the backbone have no names, so that the label mapping is fitted by frequency; if they are "
                "those of the data, in this order, give --label_mapping identity",
                len(source),
            )
        sources, targets = comparable(source, target)
        shared = set(sources) & set(targets)
        if not shared or are_unnamed(source) or are_unnamed(target) or have_same_names(source, target):
            return
        advice = (
            "; --label_mapping name reads each by its name" if len(namesakes(source, target)) == len(target) else ""
        )
        logger.warning(
            "%d of the %d classes have the name of one of the %d classes of the backbone, such as %r, and not all on both "
            "sides do: the label mapping is fitted by frequency%s",
            *(len(shared), len(target), len(source), min(shared), advice),
        )


class TrainedMapping(AutoMapping):
    """By name where both sides have the same names, by position otherwise: as pre-training went, whatever is pruned since."""

    otherwise = IdentityMapping
