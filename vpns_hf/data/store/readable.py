"""What has to be left of a split once the images that cannot be read are left out."""

from __future__ import annotations

import datasets
import numpy as np

from ...errors import InputError
from ..images.bad_images import BadImage
from ..provenance import Origin
from ..sources.labels import read_column


def none_readable(last: BadImage, name: str, origin: Origin) -> InputError:
    """What is said where no image of the split `name` can be read, `last` being one of them."""
    return InputError(
        f"no image of the {name} split can be read; {last.describe(origin)}: "
        "replace the images by files that Pillow opens, or give another data set"
    )


def check_every_class_readable(split: datasets.Dataset, column: str, kept: np.ndarray, name: str) -> None:
    """Checks that every class with images keeps one.

    Args:
        split: all rows.
        column: the label column.
        kept: the numbers of the rows that are left.
        name: of the split.

    Raises:
        InputError: a class has none left.
    """
    if len(kept) == len(split):
        return
    labels = np.array(read_column(split, column))
    lost = sorted(set(labels.tolist()) - set(labels[kept].tolist()))
    if lost:
        feature = split.features[column]
        label = feature.int2str(lost[0]) if isinstance(feature, datasets.ClassLabel) else lost[0]
        raise InputError(
            f"no image of class {label!r} of the {name} split can be read; repair some, or remove the class"
        )
