"""One model among those that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import DenseResult
from ..results import RunResult

Bits = npt.NDArray[np.bool_]
COUNTED = {"channels": "channels", "macs": "multiplications"}  # by budget


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """One method at one sparsity with one seed, and what decides on whether it may stand beside another.

    Attributes:
        folder: of the job.
        axes: {name: value} of what varies between the runs that are compared.
        entry: of "runs" in the job's results.json.
        dense: the dense reference that the run is compared with, as in results.json; None if there is none.
        correct: which test images are classified rightly in the view that the model takes by default, (N,); None if not
            recorded.
        options: {name: value} of those that decide on the result.
        images: how many the accuracy is counted over; None if not recorded.
        data: {what: digest} of the model and the images of each split; empty if not recorded.
        size: of the weights on disk, in bytes; None if not known.
        masks: reads {layer: kept weights, bool} from the saved model; None where masks of others are not comparable.
    """

    folder: Path
    axes: dict[str, str]
    entry: dict[str, Any]
    dense: dict[str, Any] | None
    correct: Bits | None
    options: dict[str, Any]
    images: int | None = None
    data: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    masks: Callable[[], Mapping[str, Bits]] | None = None

    @cached_property
    def result(self) -> RunResult:
        """The entry as a record."""
        return RunResult.from_dict(self.entry)

    @cached_property
    def reference(self) -> DenseResult:
        """The dense reference as a record, empty if there is none."""
        return DenseResult.from_dict(self.dense or {})

    @property
    def accuracy(self) -> float | None:
        """Top-1 in the view that the saved model takes by default, in [0, 1]."""
        return getattr(self.result.accuracy, self.result.view)

    @property
    def counted(self) -> str:
        """What a sparsity counts: "prunable weights", "channels" or "multiplications"."""
        is_of_channels = self.result.granularity == "channel"  # the option stands in recipes of other runs, too
        return COUNTED.get(self.options.get("budget"), "channels") if is_of_channels else "prunable weights"

    @property
    def reached(self) -> float | None:
        """The share of what is counted that is gone, in [0, 1]; None if not recorded."""
        channels, cost = self.result.channels, self.result.cost
        shares = {
            "prunable weights": self.result.sparsity,
            "channels": None if channels is None else 1 - channels.share,
            "multiplications": 1 - cost.macs_nonzero / cost.macs if cost.macs and cost.macs_nonzero else None,
        }
        return shares[self.counted]

    @property
    def passes(self) -> float | None:
        """Over the training images, of all stages; None if not recorded."""
        return None if self.result.passes is None else self.result.passes.total
