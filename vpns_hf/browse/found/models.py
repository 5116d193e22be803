"""A model that can be looked at: what its job recorded of it, and where its files are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...hub import FetchedModel, architecture_name, dataset_name
from ...hub.run_folder import weights_size
from ...reporting import DenseResult, Results, RunResult, ViewAccuracy

UNKNOWN, DENSE, OWN = "unknown", "dense", "vpns"


@dataclass(frozen=True)
class FoundModel:
    """One model, as its results.json tells of it; nothing of its weights has been read.

    Attributes:
        key: what the page calls it: the folder below the one that is browsed, or the Hub id.
        results: of its job.
        run: its entry among them.
        folder: of its files; those of the weights may not be there.
        job_folder: of its job; the same as `folder` where there is none.
        size: of the weights, in bytes; None where they are not there.
        repo_id: of the repository on the Hub; None of a local folder.
    """

    key: str
    results: Results = field(repr=False)
    run: RunResult = field(repr=False)
    folder: Path
    job_folder: Path
    size: int | None = None
    repo_id: str | None = None

    @property
    def source(self) -> str:
        """What `from_pretrained` takes."""
        return self.repo_id or str(self.folder)

    @property
    def is_loadable(self) -> bool:
        """Whether its weights are there, or on the Hub."""
        return self.size is not None

    @cached_property
    def network(self) -> str:
        """The short name of what was pruned, such as `resnet18`."""
        return architecture_name(self.results.model) if self.results.model else UNKNOWN

    @cached_property
    def dataset(self) -> str:
        """The short name of the data set, such as `cifar100`."""
        return dataset_name(self.results.dataset) if self.results.dataset else UNKNOWN

    @property
    def accuracy(self) -> float | None:
        """Top-1 in the view that the model takes by default, in [0, 1]."""
        return getattr(self.run.accuracy, self.run.view)

    @property
    def dense(self) -> DenseResult:
        """The dense model that it is compared with."""
        return self.results.reference_of(self.run)

    @property
    def gain(self) -> float | None:
        """Its accuracy less that of the dense model; negative if it lost."""
        known = self.accuracy is not None and self.dense.accuracy is not None
        return self.accuracy - self.dense.accuracy if known else None

    def dense_model(self) -> FoundModel | None:
        """Returns the dense model that it is compared with, where its job has kept that."""
        dense = self.dense
        if dense.path is None or not (folder := self.job_folder / dense.path).is_dir():
            return None
        run = RunResult(
            **{"method": DENSE, "granularity": self.run.granularity, "seed": self.run.seed, "path": dense.path},
            **{"sparsity": 0.0, "sparsity_requested": 0.0, "nonzero": self.run.total, "total": self.run.total},
            **{"accuracy": ViewAccuracy(plain=dense.accuracy), "top5": ViewAccuracy(plain=dense.top5)},
            **{"split": dense.split or self.run.split, "seconds": {}, "classes": dense.classes},
            prompt_at_inference=False,
        )
        key = (Path(self.key).parent / dense.path).as_posix()
        return FoundModel(key, self.results, run, folder, self.job_folder, weights_size(folder))

    def file(self, name: str) -> Path | None:
        """Returns a file of its folder; None if there is none, or it is a link that leads out of a local folder."""
        path = self.folder / name
        is_own = self.repo_id is not None or path.resolve().is_relative_to(self.folder.resolve())
        return path if is_own and path.is_file() else None

    def options(self) -> dict[str, Any]:
        """Returns every option of its job that was recorded; {} if none can be read."""
        try:
            return self.results.options or FetchedModel(self.folder).recipe()
        except InputError:
            return {}


@dataclass(frozen=True)
class Found:
    """All models of what is browsed.

    Attributes:
        models: in the order of their keys.
        left_out: a line for each folder or repository that is left out, with the reason.
        place: what is browsed, in words.
    """

    models: Sequence[FoundModel]
    left_out: Sequence[str] = ()
    place: str = ""

    @cached_property
    def by_key(self) -> dict[str, FoundModel]:
        """The models by their keys."""
        return {model.key: model for model in self.models}

    @cached_property
    def methods(self) -> list[str]:
        """All methods, in the order that their colours follow: that of this project first, so that it has one in every view."""
        return sorted({model.run.method for model in self.models}, key=lambda method: (method != OWN, method))
