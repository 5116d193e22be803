"""What an image counts in training, by its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

CLASS_WEIGHTS = ("none", "auto")


def balanced_weights(labels: Sequence[int], class_names: Sequence[str]) -> np.ndarray:
    """Returns weights by which every class counts alike: N / (C N_c) for each of C classes with N_c of N images.

    Their mean over the images is 1, so that the size of the loss stays what it is without them; over the classes it is more.

    Args:
        labels: of the training images, (N,).
        class_names: of the C classes.

    Returns:
        float32 of shape (C,).

    Raises:
        InputError: if a class has no image.
    """
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=len(class_names))
    missing = [name for name, count in zip(class_names, counts, strict=True) if not count]
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(
            f"class_weights is auto, but no training image shows the class {missing[0]!r}{others}; "
            "give images of every class (a higher --max_train_samples?), or --class_weights none"
        )
    return (counts.sum() / (len(counts) * counts)).astype(np.float32)
