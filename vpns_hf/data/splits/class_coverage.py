"""Classes that one part of a data set shows and another does not: worth a warning, as nothing else tells of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)


def warn_of_classes_cut_off(kept: Sequence[int], there: Sequence[int], part: str, option: str) -> None:
    """Warns where the first rows, with the labels `kept`, do not show every class of all rows.

    Args:
        kept: the label of every row that is left.
        there: the label of every row.
        part: what the rows are, such as "training".
        option: that cut them off.
    """
    if len(set(kept)) < len(set(there)):
        logger.warning(
            "the first %d %s rows show %d of %d classes: raise %s, or shuffle the rows first",
            *(len(kept), part, len(set(kept)), len(set(there)), option),
        )


def warn_of_classes_apart(train: Sequence[int], test: Sequence[int], names: Sequence[object], test_name: str) -> None:
    """Warns of classes that only the training rows or only those to test on show.

    Args:
        train: the label of every training row.
        test: the label of every row to test on.
        names: of the classes.
        test_name: of the split to test on.
    """
    unseen, untested = sorted(set(test) - set(train)), sorted(set(train) - set(test))
    if unseen:
        logger.warning(
            "no training image shows %s of the %s split, where a model cannot but be wrong",
            _listed(unseen, names),
            test_name,
        )
    if untested:
        logger.warning(
            "the %s split has no image of %s, of which the accuracy says nothing",
            test_name,
            _listed(untested, names),
        )


def _listed(labels: Sequence[int], names: Sequence[object]) -> str:
    if len(labels) == 1:
        return f"the class {str(names[labels[0]])!r}"
    return f"{len(labels)} classes (such as {str(names[labels[0]])!r})"
