"""Which images of a split a model classified rightly, one bit each, and what that says of each class."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..utils.files import write_file
from .records import ClassRecord, ViewAccuracy

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predictions:
    """Which images are classified rightly.

    Attributes:
        correct: {"prompted" or "plain": bool, (N,)}, in the order of the split.
    """

    correct: Mapping[str, Bits] = field(default_factory=dict)

    def by_class(self, labels: npt.ArrayLike, names: Sequence[str]) -> list[ClassRecord]:
        """Returns the accuracy of each class; of one without images there is none.

        Args:
            labels: (N,) integers, in the order of the split.
            names: of the classes.
        """
        labels = np.asarray(labels)
        images = np.bincount(labels, minlength=len(names))
        hits = {view: np.bincount(labels[bits], minlength=len(names)) for view, bits in self.correct.items()}
        return [
            ClassRecord(
                name, count, ViewAccuracy(**{view: found[place] / count for view, found in hits.items() if count})
            )
            for place, (name, count) in enumerate(zip(names, images.tolist(), strict=True))
        ]

    def to_dict(self) -> dict[str, str]:
        """Returns the same as text."""
        return {view: base64.b64encode(np.packbits(bits)).decode("ascii") for view, bits in self.correct.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, str], images: int) -> Predictions:
        """Returns what `to_dict` was made of, for so many images."""
        raw = {view: np.frombuffer(base64.b64decode(text), dtype=np.uint8) for view, text in data.items()}
        return cls({view: np.unpackbits(packed, count=images).astype(bool) for view, packed in raw.items()})


PREDICTIONS = "predictions.npz"  # in the folder of a job


def save_predictions(path: Path, labels: npt.ArrayLike, models: Mapping[str, Predictions]) -> None:
    """Writes a file of NumPy in one step: `labels` (N,), and `MODEL/VIEW` (N,) bool for each model and view.

    Args:
        path: of the file.
        labels: (N,) integers, in the order of the split.
        models: by name, such as "sparsity-70".
    """
    bits = {f"{name}/{view}": found for name, of in models.items() for view, found in of.correct.items()}
    file = io.BytesIO()
    np.savez_compressed(file, labels=np.asarray(labels), **bits)
    write_file(path, file.getvalue())
