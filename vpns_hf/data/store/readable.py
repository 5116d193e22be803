"""What is left of a split once the images that cannot be read are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import datasets
import numpy as np
import torch

from ...errors import InputError
from ..images import BadImage
from ..provenance import Origin
from ..sources import Columns, read_column


class ReadableRows(NamedTuple):
    """The rows whose images can be read.

    Attributes:
        rows: int64 (N,), ascending, their numbers in the split.
        labels: int64 (N,).
        origin: where they come from, for messages.
    """

    rows: np.ndarray
    labels: torch.Tensor
    origin: Origin


def readable_rows(
    split: datasets.Dataset, columns: Columns, bad: Sequence[BadImage], name: str, origin: Origin
) -> ReadableRows:
    """Leaves out the rows of images that cannot be read.

    Args:
        split: has a column of integer labels.
        columns: the image and the label column.
        bad: the images that cannot be read.
        name: of the split, for messages.
        origin: where the rows of the split come from.

    Raises:
        InputError: no image is left, or none of a class that has some.
    """
    labels = np.array(read_column(split, columns.label), dtype=np.int64)
    if not bad:
        return ReadableRows(np.arange(len(labels)), torch.from_numpy(labels), origin)
    rows = np.delete(np.arange(len(labels)), [image.row for image in bad])
    if len(rows) == 0:
        raise none_readable(bad[-1], name, origin)
    lost = np.setdiff1d(labels, labels[rows]).tolist()
    if lost:
        feature = split.features[columns.label]
        label = feature.int2str(lost[0]) if isinstance(feature, datasets.ClassLabel) else lost[0]
        raise InputError(
            f"no image of class {label!r} of the {name} split can be read; repair some, or remove the class"
        )
    return ReadableRows(rows, torch.from_numpy(labels[rows]), origin.take(rows))


def none_readable(last: BadImage, name: str, origin: Origin) -> InputError:
    """Returns what is said where no image of the split `name` can be read, `last` being one of them."""
    way_out = "train on them all the same with on_bad_image keep" if last.misread else "give another data set"
    return InputError(
        f"no image of the {name} split can be read; {last.describe(origin)}: "
        f"replace the images by files that Pillow opens with 8 bits a channel, or {way_out}"
    )
