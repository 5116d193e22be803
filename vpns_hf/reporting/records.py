"""The small records a run is made of: a figure per view, an epoch, a layer, the dense model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

R = TypeVar("R", bound="Record")
# What JSON may hold for a field of a type, and what that is called; numbers of NumPy and PyTorch are made plain before.
SCALARS = {
    str: ((str,), "text"),
    int: ((int,), "whole number"),
    float: ((int, float), "number"),
    bool: ((bool,), "truth value"),
}


class Record:
    """A dataclass that is read from what `dataclasses.asdict` made of it; a file may carry keys of a later version."""

    @classmethod
    def from_dict(cls: type[R], data: Mapping[str, Any]) -> R:
        """Returns the record of these fields; those with a default may be absent.

        Raises:
            ValueError: a field is missing, or holds something of another type; the message names it.
        """
        _check(data, (Mapping,), "object")
        for entry in fields(cls):
            if entry.init and entry.default is MISSING and entry.default_factory is MISSING and entry.name not in data:
                raise ValueError(f"{entry.name} is missing")
        return cls(**{name: _named(name, kind, data[name]) for name, kind in _kinds(cls).items() if name in data})


@cache
def _kinds(cls: type[Record]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {entry.name: hints[entry.name] for entry in fields(cls) if entry.init}


def _named(name: str, kind: Any, data: Any) -> Any:
    try:
        return _read(kind, data)
    except ValueError as error:
        inner = str(error)
        raise ValueError(f"{name}{inner}" if inner.startswith(" ") else f"{name}.{inner}") from error


def _read(kind: Any, data: Any) -> Any:
    """Returns a value of an annotated type: a record, a list of records, what may be None, or plain JSON."""
    if type(None) in get_args(kind):
        return None if data is None else _read(get_args(kind)[0], data)
    if get_origin(kind) is list:
        _check(data, (list,), "list")
        return [_read(get_args(kind)[0], entry) for entry in data]
    if get_origin(kind) is dict:
        _check(data, (Mapping,), "object")
        return {key: _named(str(key), get_args(kind)[1], value) for key, value in data.items()}
    if kind in SCALARS:
        _check(data, *SCALARS[kind])
    read = getattr(kind, "from_dict", None)
    return data if read is None else read(data)


def _check(data: Any, allowed: tuple[type, ...], word: str) -> None:
    if not isinstance(data, allowed) or (isinstance(data, bool) and bool not in allowed):
        raise ValueError(f" is {str(data)[:40]!r}, no {word}")


@dataclass(frozen=True)
class ViewAccuracy(Record):
    """Accuracy as fractions in [0, 1], with the prompt and without it; None where it was not measured."""

    prompted: float | None = None
    plain: float | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there is one of either view."""
        return (self.prompted, self.plain) != (None, None)


@dataclass(frozen=True)
class ClassRecord(Record):
    """One class: its name, how many images of it were measured on, and the accuracy over these."""

    name: str
    images: int
    accuracy: ViewAccuracy


@dataclass(frozen=True)
class AccuracyAfter(Record):
    """Accuracy of a network on its way, on the validation split; None where it was not measured.

    Attributes:
        masked: with its mask found, before anything follows.
        recalibrated: with its running statistics estimated anew, where that was asked for.
        tuned: at the end, in the epoch that was saved.
    """

    masked: ViewAccuracy | None = None
    recalibrated: ViewAccuracy | None = None
    tuned: ViewAccuracy | None = None


@dataclass(frozen=True)
class ViewLoss(Record):
    """Mean training loss over an epoch, on prompted and on plain batches; None where there were none."""

    prompted: float | None = None
    plain: float | None = None


@dataclass(frozen=True)
class EpochRecord(Record):
    """What one epoch of one stage measured.

    Attributes:
        stage: name of the stage, such as "find_mask" or "finetune".
        epoch: counted from 1 within its stage.
        loss: mean training loss of each view.
        sparsity: fraction of prunable weights that are masked at the end of the epoch, in [0, 1).
        learning_rate: the one the epoch was trained with.
        seconds: wall-clock time of the epoch, its evaluation included.
        validation: accuracy on the validation split, or None if the epoch was not evaluated.
        waiting: the seconds of them spent waiting for batches, to train and to evaluate; None if not measured.
        skipped: updates that were left out, because loss or gradient were not finite.
    """

    stage: str
    epoch: int
    loss: ViewLoss
    sparsity: float
    learning_rate: float
    seconds: float
    validation: ViewAccuracy | None = None
    waiting: float | None = None
    skipped: int = 0


@dataclass(frozen=True)
class LayerRecord(Record):
    """One masked layer: its name, the shape of its weight, and how many of its weights are kept."""

    name: str
    shape: tuple[int, ...]
    nonzero: int
    total: int = field(init=False)
    density: float = field(init=False)

    def __post_init__(self) -> None:
        shape = tuple(int(length) for length in self.shape)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "total", math.prod(shape))
        object.__setattr__(self, "density", self.nonzero / self.total)


@dataclass(frozen=True)
class ChannelRecord(Record):
    """How many of the channels that could go are kept, of how many; what goes along all of them is not counted."""

    kept: int
    total: int

    @property
    def share(self) -> float:
        """Of them that are kept, in [0, 1]."""
        return self.kept / self.total


@dataclass(frozen=True)
class CostRecord(Record):
    """What a model takes to store and to run, beside the stock network of the same shape; None where not measured.

    Attributes:
        macs: multiply-accumulate operations of convolutions and linear layers for one picture, zeros included.
        macs_nonzero: those with a kept weight.
        dense_bytes: size of the stock network's weights on disk.
        milliseconds: that one batch takes at least, in the view the model uses by default; the fastest of many runs.
        dense_milliseconds: the same of the stock network, measured in turn with it.
        batch_size: of that batch.
        device: it was measured on.
        dtype: of weights and pictures.
    """

    macs: int | None = None
    macs_nonzero: int | None = None
    dense_bytes: int | None = None
    milliseconds: float | None = None
    dense_milliseconds: float | None = None
    batch_size: int | None = None
    device: str | None = None
    dtype: str | None = None

    @property
    def macs_kept(self) -> float | None:
        """The share of `macs` with a kept weight, in [0, 1]."""
        return None if not self.macs or self.macs_nonzero is None else self.macs_nonzero / self.macs


@dataclass(frozen=True)
class Passes(Record):
    """How often a run went through the training images, forward and backward: parts of an image's pass count as such.

    Attributes:
        search: to find the mask, scoring included.
        rounds: of training between prunings.
        tuning: with the mask fixed.
    """

    search: float = 0.0
    rounds: float = 0.0
    tuning: float = 0.0

    @property
    def total(self) -> float:
        """Over all stages."""
        return self.search + self.rounds + self.tuning

    def __str__(self) -> str:
        parts = {name: value for name, value in vars(self).items() if value}
        if len(parts) < 2:
            return f"{self.total:g}"
        return f"{self.total:.4g} ({', '.join(f'{value:.3g} {name}' for name, value in parts.items())})"


@dataclass(frozen=True)
class DenseResult(Record):
    """The unpruned model the runs are compared with: accuracies as fractions in [0, 1], None if not measured.

    Attributes:
        passes: over the training images that its fine-tuning took; None if not recorded.
        classes: the accuracy of each class that has images; empty if not recorded.
        path: the saved model's folder, relative to that of results.json; None if it was not kept.
    """

    accuracy: float | None = None
    top5: float | None = None
    split: str | None = None
    passes: float | None = None
    classes: list[ClassRecord] = field(default_factory=list)
    path: str | None = None
