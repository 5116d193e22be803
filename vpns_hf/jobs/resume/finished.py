"""A finished job, as its folder keeps it: the same command with more sparsities runs these alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...utils.files import write_file
from ...utils.text import differences
from .identity import Job, as_recorded

logger = logging.getLogger(__name__)

FILE = "job.json"
FOLDER = "checkpoints"


def is_finished(folder: Path) -> bool:
    """Returns whether a folder holds a finished job."""
    return FinishedJob.read(folder) is not None and not (folder / FOLDER).exists()


@dataclass(frozen=True)
class FinishedJob:
    """What was asked for, and what came of each part.

    Attributes:
        identity: see `identity_of`.
        processes: how many worked on it.
        finished: {part: its result}; pre-training is not among them, since its weights are not kept.
        versions: of the packages that had a part in it.
    """

    identity: dict[str, Any]
    processes: int
    finished: dict[str, dict[str, Any]]
    versions: dict[str, str]

    @classmethod
    def of(cls, job: Job, versions: Mapping[str, str]) -> FinishedJob:
        """Returns what is kept of a job."""
        kept = {part: result for part, result in job.finished.items() if result}
        return cls(job.identity, job.processes, kept, dict(versions))

    @classmethod
    def read(cls, folder: Path) -> FinishedJob | None:
        """Returns the finished job that a folder holds; None if there is none, or it cannot be read."""
        try:
            found = cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if isinstance(found.sparsities, list) and isinstance(found.finished, dict) else None

    def write(self, folder: Path) -> None:
        """Writes it, in one step."""
        write_file(folder / FILE, json.dumps(asdict(self), indent=1) + "\n")

    @property
    def sparsities(self) -> list[float]:
        """Those it has models of."""
        return self.identity.get("sparsities") if isinstance(self.identity, dict) else None

    def is_extended_by(self, sparsities: Collection[float]) -> bool:
        """Returns whether these are its own and more."""
        return set(self.sparsities) < set(sparsities)

    def hand_over(self, job: Job, versions: Mapping[str, str]) -> None:
        """Gives a job that asks for more sparsities what is finished.

        Raises:
            InputError: if they differ in anything else; the message lists in what.
        """
        before = as_recorded({**self.identity, "sparsities": job.identity["sparsities"]}, job.identity)
        changes = differences(before, job.identity)
        if changes:
            raise InputError(
                f"the finished job was made with {'; '.join(changes)}; to extend it give what it was made with, else "
                "another --output_dir or --overwrite_output_dir"
            )
        if (self.processes, self.versions) != (job.processes, dict(versions)):
            logger.warning("the finished part of the job was made by other versions, or another number of processes")
        job.finished = dict(self.finished)
