"""The results of a job: one `RunResult` per sparsity beside the dense model, read from and written to results.json."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..utils.files import write_file
from ..utils.public_names import public_command, public_name
from .backend_latency import BackendLatency
from .evaluation import ModelEvaluation
from .records import (
    AccuracyAfter,
    ChannelRecord,
    ClassRecord,
    CostRecord,
    DenseResult,
    EpochRecord,
    LayerRecord,
    Passes,
    Record,
    ViewAccuracy,
)


@dataclass(frozen=True)
class RunResult(Record):
    """One method at one sparsity.

    Attributes:
        method: name of the method, such as "vpns".
        granularity: what is pruned as a unit, such as "weight".
        seed: of the run.
        sparsity_requested: fraction of prunable weights asked to be removed, in [0, 1).
        sparsity: the fraction removed, counted from the masks.
        accuracy: top-1 on `split`, with and without the prompt.
        top5: top-5 on `split`; None of five classes or fewer, where it is always 1.
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
        validation_after: accuracy on the validation split after each part of the method; None without such a split.
        classes: the accuracy of each class that has images; empty if not recorded.
        channels: kept, where whole channels were removed.
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
    validation_after: AccuracyAfter | None = None
    classes: list[ClassRecord] = field(default_factory=list)
    channels: ChannelRecord | None = None

    @property
    def view(self) -> str:
        """The view that the saved model takes when not told otherwise: "prompted" or "plain"."""
        return "prompted" if self.prompt_at_inference else "plain"

    @property
    def total_seconds(self) -> float:
        """Wall-clock time of the whole run."""
        return sum(self.seconds.values())

    @property
    def emptied(self) -> str:
        """The layers without a weight, through which nothing of a picture passes, in words; empty if there are none."""
        names = [layer.name for layer in self.layers if not layer.nonzero]
        return ", ".join(names[:2]) + (f" and {len(names) - 2} more layers" if len(names) > 2 else "")

    def is_same_but_seed(self, other: RunResult) -> bool:
        """Returns whether both differ in their seed, and not in what they prune, how, how much, or where it was measured."""

        def kind(run: RunResult) -> tuple[str, str, str | None, float, str]:
            return run.method, run.granularity, run.scope, run.sparsity_requested, run.split

        return kind(self) == kind(other) and self.seed != other.seed


def share_of_waiting(history: Sequence[EpochRecord]) -> float | None:
    """Returns which share of the time of epochs was spent waiting for batches, in [0, 1]; None where it was not measured."""
    measured = [record for record in history if record.waiting is not None]
    seconds = sum(record.seconds for record in measured)
    return sum(record.waiting for record in measured) / seconds if seconds else None


def fitting_reference(passes: float, references: Sequence[float]) -> float:
    """Returns the passes of the dense reference that a run is compared with: the fewest that are not fewer than its own."""
    return min((each for each in references if each >= passes), default=references[0])


@dataclass(frozen=True)
class Results(Record):
    """All runs of a job and the dense model they start from.

    Attributes:
        dense: the unpruned model, fine-tuned on the same data; that of the first run where there are several.
        dense_references: all of them, which differ in their passes.
        runs: one entry per sparsity, in the order they were run.
        model: the pre-trained model, as it was named to the job.
        dataset: the data set, as it was named to the job.
        protocol: one sentence on which splits chose and measured the models.
        command: the command line that gives these results.
        versions: version of each package that has a part in them.
        skipped_images: how many images of each split could not be read and were left out.
        misread_images: how many were used though image processors see other pixels of them.
        copied_images: how many of a split are images of another one too, byte for byte: {"test": {"train": 12}}.
        evaluations: of the one saved model that these results lie beside, the newest last.
        latency: of the same model, in several libraries; None if not measured.
        images: how many each split has, such as {"train": 1078, "test": 360}; empty if not recorded.
        options: every option that decides on the results, by name; empty if not recorded.
        test_digest: how many test images there were, and a digest of them; None if not recorded.
    """

    dense: DenseResult
    runs: list[RunResult] = field(default_factory=list)
    model: str | None = None
    dataset: str | None = None
    protocol: str | None = None
    command: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    skipped_images: dict[str, int] = field(default_factory=dict)
    misread_images: dict[str, int] = field(default_factory=dict)
    copied_images: dict[str, dict[str, int]] = field(default_factory=dict)
    evaluations: list[ModelEvaluation] = field(default_factory=list)
    latency: BackendLatency | None = None
    dense_references: list[DenseResult] = field(default_factory=list)
    images: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    test_digest: str | None = None

    @property
    def test_images(self) -> int | None:
        """How many images the accuracies are counted over; None if not recorded."""
        return self.images.get("test")

    @property
    def references(self) -> list[DenseResult]:
        """All dense references, that of older results among them."""
        return self.dense_references or [self.dense]

    def reference_of(self, run: RunResult) -> DenseResult:
        """Returns the dense model a run is compared with: that of the fewest passes that are not fewer than its own."""
        by_passes = {dense.passes: dense for dense in self.dense_references if dense.passes is not None}
        if run.passes is None or not by_passes:
            return self.dense
        return by_passes[fitting_reference(run.passes.total, list(by_passes))]

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of results.json: JSON types only, None where a number was not measured or is not finite."""
        return _json_ready(asdict(self))

    def to_json(self) -> str:
        """Returns the text of results.json."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def of_model(self, run: RunResult | None, seeds: Sequence[RunResult] = ()) -> Results:
        """Returns the part of these results that lies beside one model; local paths lose the folders that lead to them.

        Args:
            run: of the model; None if nothing is known but its evaluations.
            seeds: the same with other seeds, whose models lie elsewhere, beside those that are here.
        """
        others = {} if run is None else {one.seed: one for one in (*self.runs, *seeds) if run.is_same_but_seed(one)}
        of_others = [replace(other, path="") for other in others.values()]
        return replace(
            self,
            dense=replace(self.dense if run is None else self.reference_of(run), path=None),
            dense_references=[],
            runs=[] if run is None else [replace(run, path="."), *of_others],
            model=self.model and public_name(self.model),
            dataset=self.dataset and public_name(self.dataset),
            command=self.command and public_command(self.command),
        )

    def with_evaluation(self, evaluation: ModelEvaluation) -> Results:
        """Returns these results with an evaluation, instead of an earlier one on the same split of the same data set."""
        others = [earlier for earlier in self.evaluations if not earlier.is_of(evaluation.dataset, evaluation.split)]
        return replace(self, evaluations=[*others, evaluation])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes results.json at `path`, in one step: a reader sees the old file or the new one, never a part."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Results:
        """Reads a results.json.

        Raises:
            InputError: there is no such file, or it does not hold the results of a job.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
            data = json.loads(text, parse_constant=_finite, parse_float=_finite)
            if "\\ud" in text.lower():  # half of a character, which no page and no terminal can show
                json.dumps(data, ensure_ascii=False).encode()
            return cls.from_dict(data)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}; give a results.json of a finished job") from error
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            reason = str(error).strip() or type(error).__name__
            raise InputError(f"{path} holds no results ({reason}); give a results.json of a finished job") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _json_ready(value: Any) -> Any:
    # A diverged run has infinite losses, which JSON cannot hold.
    if isinstance(value, dict):
        return {key: _json_ready(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
