"""The results of a job: one `RunResult` per sparsity beside the dense model, read from and written to results.json."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from .records import (
    CostRecord,
    DenseResult,
    EpochRecord,
    LayerRecord,
    Passes,
    ViewAccuracy,
    known_fields,
    optional_accuracy,
)


@dataclass(frozen=True)
class RunResult:
    """One method at one sparsity.

    Attributes:
        method: name of the method, such as "vpns".
        granularity: what is pruned as a unit, such as "weight".
        seed: of the run.
        sparsity_requested: fraction of prunable weights asked to be removed, in [0, 1).
        sparsity: the fraction removed, counted from the masks.
        accuracy: top-1 on `split`, with and without the prompt.
        top5: top-5 on `split`, or top-n where there are n < 5 classes.
        split: the split the accuracies were measured on.
        nonzero: prunable weights kept.
        total: prunable weights.
        seconds: wall-clock time of each part of the run, by name; the parts do not overlap.
        path: the saved model's folder, relative to that of results.json.
        validation: accuracy of the saved model on the validation split; it chose `epoch` and `prompt_at_inference`.
        prompt_at_inference: whether the saved model applies its prompt when not told otherwise.
        effective_density: fraction of weights kept, head rows that no target class reads left out.
        epoch: the epoch of the last stage whose weights were saved, counted from 1.
        history: one record per epoch, in the order they were trained.
        layers: one record per masked layer, in the order of the model.
        cost: storage, operations and latency.
        waiting: share of the time of all epochs spent waiting for batches, in [0, 1]; None if not measured.
        scope: what was ranked together, such as "global"; None if not recorded.
        passes: over the training images, by part of the method; None if not recorded.
    """

    method: str
    granularity: str
    seed: int
    sparsity_requested: float
    sparsity: float
    accuracy: ViewAccuracy
    top5: ViewAccuracy
    split: str
    nonzero: int
    total: int
    seconds: dict[str, float]
    path: str
    validation: ViewAccuracy | None = None
    prompt_at_inference: bool | None = None
    effective_density: float | None = None
    epoch: int | None = None
    history: list[EpochRecord] = field(default_factory=list)
    layers: list[LayerRecord] = field(default_factory=list)
    cost: CostRecord = field(default_factory=CostRecord)
    waiting: float | None = None
    scope: str | None = None
    passes: Passes | None = None

    @property
    def total_seconds(self) -> float:
        """Wall-clock time of the whole run."""
        return sum(self.seconds.values())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunResult:
        nested = {
            "accuracy": ViewAccuracy(**data["accuracy"]),
            "top5": ViewAccuracy(**data["top5"]),
            "validation": optional_accuracy(data.get("validation")),
            "history": [EpochRecord.from_dict(record) for record in data.get("history", [])],
            "layers": [LayerRecord.from_dict(record) for record in data.get("layers", [])],
            "cost": CostRecord.from_dict(data.get("cost") or {}),
            "passes": None if data.get("passes") is None else Passes(**data["passes"]),
        }
        return cls(**{**known_fields(cls, data), **nested})


def share_of_waiting(history: Sequence[EpochRecord]) -> float | None:
    """Which share of the time of epochs was spent waiting for batches, in [0, 1]; None where it was not measured."""
    measured = [record for record in history if record.waiting is not None]
    seconds = sum(record.seconds for record in measured)
    return sum(record.waiting for record in measured) / seconds if seconds else None


@dataclass(frozen=True)
class Results:
    """All runs of a job and the dense model they start from.

    Attributes:
        dense: the unpruned model, fine-tuned on the same data.
        runs: one entry per sparsity, in the order they were run.
        model: the pre-trained model, as it was named to the job.
        dataset: the data set, as it was named to the job.
        protocol: one sentence on which splits chose and measured the models.
        command: the command line that gives these results.
        versions: version of each package that has a part in them.
        skipped_images: how many images of each split could not be read and were left out.
    """

    dense: DenseResult
    runs: list[RunResult] = field(default_factory=list)
    model: str | None = None
    dataset: str | None = None
    protocol: str | None = None
    command: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    skipped_images: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Results:
        """Read the content of a results.json; keys it does not know are left out."""
        runs = [RunResult.from_dict(run) for run in data["runs"]]
        return cls(**{**known_fields(cls, data), "dense": DenseResult.from_dict(data["dense"]), "runs": runs})

    def to_dict(self) -> dict[str, Any]:
        """The content of results.json: JSON types only, None where a number was not measured or is not finite."""
        return _json_ready(asdict(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write results.json at `path`, in one step: a reader sees the old file or the new one, never a part."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(aside, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Results:
        """Read a results.json.

        Raises:
            InputError: there is no such file, or it does not hold the results of a job.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}; give a results.json of a finished job") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise InputError(f"{path} holds no results ({reason}); give a results.json of a finished job") from error


def _json_ready(value: Any) -> Any:
    # A diverged run has infinite losses, which JSON cannot hold.
    if isinstance(value, dict):
        return {key: _json_ready(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
